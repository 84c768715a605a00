import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { tempDir } from '../support/temp-dir.ts'
import { CI_TOKEN, DASHBOARD_TOKEN, startWritableSite, stateOf, type WritableSite } from './writable-site.ts'

const PIN = 'mirrors/a/pin'

async function readPin(site: WritableSite): Promise<{ etag: string; state: unknown }> {
  const { headers, body } = await httpGet(`${site.url}/api/v1/${PIN}`)
  return { etag: String(headers.etag), state: JSON.parse(body.toString()) }
}

test('who pins, unpins or rolls back can say what they have seen: by then another one, and nothing is written', async (t) => {
  const site = await startWritableSite(t)
  const [older, newer] = site.names.a
  const first = await readPin(site)
  assert.deepEqual(first.state, { mirror: 'a', current: newer, pinned: false, why: null })
  const put = (snapshot: string | undefined, ifMatch: string) =>
    site.write('PUT', PIN, {
      token: CI_TOKEN,
      headers: { 'If-Match': ifMatch },
      body: { snapshot, why: 'mine' },
    })
  // Somebody else was first.
  await site.write('PUT', PIN, { token: DASHBOARD_TOKEN, body: { snapshot: older, why: 'theirs' } })
  const before = await stateOf(site)
  const writes = [
    () => put(newer, first.etag),
    () => put(newer, `W/${first.etag}`),
    () => put(newer, '"x", "y"'),
    () => site.write('DELETE', PIN, { token: CI_TOKEN, headers: { 'If-Match': first.etag } }),
    () => site.write('POST', 'mirrors/a/rollback', { token: CI_TOKEN, headers: { 'If-Match': first.etag } }),
  ]
  for (const write of writes) {
    const { status, json } = await write()
    assert.equal(status, 412)
    assert.match(
      String(json['detail']),
      new RegExp(
        `a has changed meanwhile: jobs get ${older}, pinned \\(theirs\\), by token dashboard at 2026-\\S+ \\(pin\\)`,
      ),
    )
    assert.deepEqual(await stateOf(site), before)
  }
  const second = await readPin(site)
  assert.deepEqual(second.state, { mirror: 'a', current: older, pinned: true, why: 'theirs' })
  assert.equal((await put(newer, `"x", ${second.etag}`)).status, 200)
  assert.equal((await put(older, '*')).status, 200)
  const third = await readPin(site)
  const unpinned = await site.write('DELETE', PIN, { token: CI_TOKEN, headers: { 'If-Match': third.etag } })
  assert.equal(unpinned.status, 200)
  assert.deepEqual(await readPin(site), first, 'it is what it was')
})

test('what would be written is told as a patch that git applies, and not written', async (t) => {
  const site = await startWritableSite(t)
  const [older] = site.names.a
  const before = await stateOf(site)
  const body = { snapshot: older, why: "it's broken", dry_run: true }
  const { status, json } = await site.write('PUT', PIN, { token: CI_TOKEN, body })
  assert.deepEqual([status, json['changed'], json['pinned']], [200, true, false])
  assert.deepEqual(await stateOf(site), before)
  assert.equal((await site.write('PUT', PIN, { body })).status, 401, 'it quotes the file: not for everybody')

  const git = tempDir(t)
  mkdirSync(join(git, 'config'))
  const patch = String(json['patch'])
  // As a farm's repository has it.
  writeFileSync(join(git, 'config/pinyon.yaml'), site.text())
  writeFileSync(join(git, 'pin.patch'), patch.replaceAll(/(?<=^(?:---|\+\+\+) [ab]\/)/gm, 'config/'))
  execFileSync('git', ['apply', 'pin.patch'], { cwd: git })
  await site.write('PUT', PIN, { token: CI_TOKEN, body: { ...body, dry_run: false } })
  assert.equal(readFileSync(join(git, 'config/pinyon.yaml'), 'utf8'), site.text())

  const again = await site.write('PUT', PIN, { token: CI_TOKEN, body })
  assert.deepEqual([again.json['changed'], again.json['patch']], [false, ''])
  const removal = await site.write('DELETE', PIN, { token: CI_TOKEN, body: { dry_run: true } })
  assert.match(String(removal.json['patch']), /^-    pin: /m)
})

test('a file that this server may not change can be told the patch of', async (t) => {
  const error = Object.assign(new Error('EROFS: no'), { code: 'EROFS' })
  const site = await startWritableSite(t, { app: { publishConfig: () => Promise.reject(error) } })
  const [older] = site.names.a
  const write = (dryRun: boolean) =>
    site.write('PUT', PIN, { token: CI_TOKEN, body: { snapshot: older, dry_run: dryRun } })
  assert.equal((await write(false)).json['title'], 'CONFIG_READONLY')
  assert.match(String((await write(true)).json['patch']), new RegExp(`^\\+    pin: ${older}$`, 'm'))
})
