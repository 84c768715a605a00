import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { syncOn } from '../crash/server-commands.ts'
import { baseFor } from '../support/arch-farm.ts'
import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'

const ARCHES = ['aarch64', 'x86_64'] as const

test('a server that is killed between two architectures has published both or none', async (t) => {
  const [root, dir] = [tempDir(t), tempDir(t)]
  const upstream = await startUpstream(t, root)
  const publish = (version: number) => {
    for (const arch of ARCHES)
      writeSyntheticRepository(join(root, arch), {
        packages: [{ name: 'app', arch, version: `${version}` }],
        revision: 1_600_000_000 + version,
      })
  }
  const read = async (url: string) => {
    const index = JSON.parse((await httpGet(`${url}/repos/yum/all_latest.json`)).body.toString()) as {
      latest_ci_repos: { m: string }
    }
    const base = index.latest_ci_repos.m
    const own = ARCHES.map(async (arch) => (await httpGet(`${baseFor(base, arch)}/repodata/repomd.xml`)).body)
    return (await Promise.all(own)).map((body) => body.toString())
  }
  const upstreams = () => ARCHES.map((arch) => readFileSync(join(root, arch, 'repodata/repomd.xml'), 'utf8'))
  const mirrors = { m: { baseurl: `${upstream.url}$basearch/`, arches: ARCHES, retries: 0 } }
  let server = await startServer(t, { dir, mirrors })
  publish(1)
  await syncOn(server.dataDir, 'm')
  const before = upstreams()
  assert.deepEqual(await read(server.url), before)
  publish(2)
  // One architecture is captured, the other is under way; and then both are, and looked at once more.
  for (const match of [/^\/x86_64\/repodata\/.*primary/, /^\/x86_64\/repodata\/.*\.asc$/]) {
    upstream.rules = [{ match, hold: gate() }]
    const asked = upstream.count(match)
    const syncing = syncOn(server.dataDir, 'm').catch(() => undefined)
    await upstream.waitFor(match, asked + 1)
    await server.kill()
    await syncing
    server = await startServer(t, { dir, mirrors })
    assert.deepEqual(await read(server.url), before)
  }
  upstream.rules = []
  await syncOn(server.dataDir, 'm')
  assert.deepEqual(await read(server.url), upstreams())
})
