import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'

import type { GenerationView } from '../../src/proxy/api-generations.ts'
import { httpGet } from '../support/http-get.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'
import { MAIN, pinyon } from './pinyon.ts'

/** A user without any rights here. */
const NOBODY = 65_534
const ALICE = { env: { SUDO_USER: 'alice' } }

async function lastGenerations(url: string, count: number): Promise<(readonly [string, string | null])[]> {
  const { body } = await httpGet(`${url}/api/v1/generations?limit=${count}`)
  const { generations } = JSON.parse(body.toString()) as { generations: GenerationView[] }
  return generations.toReversed().map(({ cause, by }) => [cause, by] as const)
}

/** Publishes two snapshots of the mirror `m`, and gives the names, oldest first. */
async function publishTwice(root: string, url: string, configFile: string): Promise<readonly string[]> {
  const names: string[] = []
  for (const version of ['1', '2']) {
    writeSyntheticRepository(root, { packages: [{ name: 'p', version }] })
    assert.equal((await pinyon(['sync', 'm', '--config', configFile])).code, 0)
    names.push((await httpGet(`${url}/repos/yum/m/latest.txt`)).body.toString().trim())
  }
  return names
}

/** A server of another user, who may read the configuration file and no more. */
async function startAsNobody(t: TestContext, baseurl: string): Promise<{ url: string; file: string }> {
  const dir = tempDir(t)
  for (let path = dir; path !== '/' && path !== '/tmp'; path = join(path, '..')) chmodSync(path, 0o755)
  const data = join(dir, 'data')
  mkdirSync(data)
  chownSync(data, NOBODY, NOBODY)
  const file = join(dir, 'pinyon.yaml')
  writeFileSync(
    file,
    `listen: 127.0.0.1:0\ndata_dir: ./data\nsync_interval: off\nmirrors:\n  m: { baseurl: ${baseurl} }\n  n: { baseurl: ${baseurl} }\n`,
  )
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PINYON_LOG: 'silent' },
    uid: NOBODY,
    gid: NOBODY,
  })
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const url = / on (http:\/\/\S+)$/.exec(line)?.[1]
    if (url !== undefined) return { url, file }
  }
  throw new Error('the server ended before it listened')
}

test(
  'a file that the server may not write is edited by the command, which still names who and why',
  needs('nobody'),
  async (t) => {
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: [] })
    const upstream = await startUpstream(t, root)
    const { url, file } = await startAsNobody(t, upstream.url)
    const [first = '', second = ''] = await publishTwice(root, url, file)
    const run = async (...args: string[]) => await pinyon([...args, '--config', file], ALICE)
    const direct = await httpGet(`${url}/repos/yum/m/${first}/repodata/repomd.xml`)
    assert.equal(direct.status, 200)
    for (const [args, latest, told] of [
      [['pin', 'm', first, '--why', 'x'], first, `m: pinned to ${first}\n`],
      [['unpin', 'm'], second, 'm: no longer pinned\n'],
      [['rollback', 'm'], first, `m: pinned to ${first}\n`],
      [['unpin', 'm'], second, 'm: no longer pinned\n'],
      [['rollback', '--generation', '1'], first, `m: pin: ${first}\nthe farm is back at generation 1\n`],
    ] as const) {
      const { code, stdout, stderr } = await run(...args)
      assert.deepEqual([code, stdout, stderr], [0, told, ''])
      assert.equal((await httpGet(`${url}/repos/yum/m/latest.txt`)).body.toString().trim(), latest)
    }
    // Who looked at latest.txt has used it.
    const removed = await run('remove', 'm', '--force')
    assert.deepEqual([removed.code, removed.stderr], [0, ''])
    assert.match(removed.stdout, /^m: removed; URLs of its snapshots are answered until /)
    assert.doesNotMatch(readFileSync(file, 'utf8'), /\bm:/)
    // Should the server notice the file before it is told, that is the file's change: what it is shows in the pins alone.
    const causes = ['pin', 'unpin', 'rollback', 'unpin', 'rollback', 'remove']
    const noticed = ['pin', 'unpin', 'pin', 'unpin', 'pin', 'remove']
    const expected = causes.map((cause, at) => [
      `${cause} socket user alice`,
      `${noticed[at]} configuration file`,
    ])
    for (const [at, [cause, by]] of (await lastGenerations(url, 6)).entries())
      assert.ok(expected[at]?.includes(`${cause} ${by}`), `${at}: ${cause} ${by}`)
  },
)

test('a command with another configuration file of the same data edits that one; a link to the server’s is the server’s', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [] })
  const upstream = await startUpstream(t, root)
  const dir = tempDir(t)
  const text = `listen: 127.0.0.1:0\ndata_dir: ./data\nsync_interval: off\nmirrors:\n  m: { baseurl: ${upstream.url} }\n`
  const server = await startServer(t, { text, dir })
  const [first = ''] = await publishTwice(root, server.url, server.configFile)
  const other = join(dir, 'other.yaml')
  writeFileSync(other, text)
  assert.equal((await pinyon(['pin', 'm', first, '--config', other], ALICE)).code, 0)
  assert.match(readFileSync(other, 'utf8'), /pin: /)
  assert.equal(
    readFileSync(server.configFile, 'utf8'),
    text,
    'the server has read its own, which has not changed',
  )
  const link = join(dir, 'link.yaml')
  symlinkSync('pinyon.yaml', link)
  assert.equal((await pinyon(['pin', 'm', first, '--config', link], ALICE)).code, 0)
  assert.match(readFileSync(server.configFile, 'utf8'), /pin: /)
  assert.deepEqual(await lastGenerations(server.url, 1), [['pin', 'socket user alice']])
})
