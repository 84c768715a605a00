import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { setPin } from '../../src/config/edit.ts'
import { watchConfig } from '../../src/config/watch.ts'
import type { GenerationView } from '../../src/proxy/api-generations.ts'
import { CI_TOKEN, startWritableSite, stateOf } from '../http/writable-site.ts'
import { pinyon } from '../cli/pinyon.ts'
import { httpGet } from '../support/http-get.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

/** Runs a command that must succeed, and gives what it prints. */
async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const result = await pinyon(args, { env })
  assert.equal(result.code, 0, result.stderr)
  return result.stdout
}

test('the history names who did what: schedule, file, token, user', async (t) => {
  const [dir, root] = [tempDir(t), tempDir(t)]
  writeSyntheticRepository(root, { packages: [{ name: 'p', version: '1' }] })
  const upstream = await startUpstream(t, root)
  writeFileSync(join(dir, 'token'), CI_TOKEN)
  const text = `listen: 127.0.0.1:0\ndata_dir: ./data\ntokens: { ci: { file: token } }\nmirrors:\n  m: { baseurl: ${upstream.url}, sync_interval: 24h }\n`
  const server = await startServer(t, { text, dir })
  const generations = async () => {
    const { body } = await httpGet(`${server.url}/api/v1/generations`)
    return (JSON.parse(body.toString()) as { generations: GenerationView[] }).generations.toReversed()
  }
  // The first sync is the schedule's, at start.
  while ((await generations()).length < 1);
  const here = ['--config', server.configFile]
  const byToken = { PINYON_TOKEN: CI_TOKEN, PINYON_SERVER: server.url }
  writeSyntheticRepository(root, { packages: [{ name: 'p', version: '2' }] })
  await run(['sync', 'm', ...here], { SUDO_USER: 'alice' })
  const [first] = await generations()
  const oldest = first?.changes[0]?.to ?? ''
  await run(['pin', 'm', oldest, ...here], { SUDO_USER: 'bob' })
  await run(['unpin', 'm'], byToken)
  await run(['rollback', 'm', '--why', 'broken'], byToken)
  writeFileSync(`${server.configFile}.new`, text)
  renameSync(`${server.configFile}.new`, server.configFile)
  while ((await generations()).length < 6);
  await run(['rollback', '--generation', '1', ...here], { SUDO_USER: 'alice' })
  assert.deepEqual(
    (await generations()).map(({ cause, by }) => [cause, by]),
    [
      ['sync', 'schedule'],
      ['sync', 'socket user alice'],
      ['pin', 'socket user bob'],
      ['unpin', 'token ci'],
      ['rollback', 'token ci'],
      ['unpin', 'configuration file'],
      ['rollback', 'socket user alice'],
    ],
  )
  const table = await run(['generations'], { PINYON_SERVER: server.url })
  assert.match(
    table,
    /^GENERATION +SINCE +CAUSE +MIRROR +FROM +TO +BY +WHY\n7 +\S+ +rollback +m .* socket user alice +generation 1\n6 .* -\n5 .* token ci +broken\n/,
  )
  assert.match(await run(['status'], { PINYON_SERVER: server.url }), /\nm is pinned: generation 1\n/)
})

test('while somebody edits the file and a token pins, each generation is its own author’s, and no edit is lost', async (t) => {
  const site = await startWritableSite(t)
  const watch = watchConfig(site.file, () => void site.app.reload().catch(() => undefined))
  t.after(() => watch.close())
  const before = (await site.generations()).length
  const rounds = 40
  const byToken = async () => {
    for (let round = 0; round < rounds; round += 1) {
      const body = { snapshot: site.names.a[round % 2], why: `round ${round}` }
      const reply = await site.write('PUT', 'mirrors/a/pin', { token: CI_TOKEN, body })
      assert.equal(reply.status, 200, reply.body)
      assert.equal(reply.json['current'], site.names.a[round % 2])
      assert.equal(await site.latest('a'), site.names.a[round % 2])
    }
  }
  const byHand = async () => {
    for (let round = 0; round < rounds; round += 1) {
      const text = setPin(site.text(), 'b', site.names.b[round % 2] ?? '', `hand ${round}`)
      writeFileSync(`${site.file}.new`, text)
      renameSync(`${site.file}.new`, site.file)
      // Now and then the file is read at once; else whenever the watch, or a pin, notices.
      if (round % 3 === 0) await site.app.reload()
      else await stateOf(site)
    }
  }
  await Promise.all([byToken(), byHand()])
  await site.app.reload()
  assert.equal(await site.latest('b'), site.names.b[(rounds - 1) % 2])
  const text = readFileSync(site.file, 'utf8')
  assert.match(text, new RegExp(`pin: ${site.names.a[1]} {2}# round ${rounds - 1}\n`))
  assert.match(text, new RegExp(`pin: ${site.names.b[1]} {2}# hand ${rounds - 1}\n`))
  const added = (await site.generations()).slice(before)
  const authors = { a: 'token ci', b: 'configuration file' } as const
  for (const { generation, by, cause, changes } of added) {
    assert.deepEqual(
      changes.map(({ mirror }) => authors[mirror as 'a' | 'b']),
      [by],
      `generation ${generation}`,
    )
    assert.equal(cause, 'pin')
  }
  // The first pin is to the older of two, and each later one changes it.
  assert.equal(added.filter(({ by }) => by === 'token ci').length, rounds)
  assert.ok(added.length > rounds + 5, `only ${added.length - rounds} changes of the file were seen`)
})
