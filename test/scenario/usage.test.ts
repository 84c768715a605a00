import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import type { MirrorUsageDetailsView } from '../../src/proxy/api-usage.ts'
import { DnfRoot } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { mustRun } from '../support/run-command.ts'
import { startApp } from '../support/start-app.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

/** What the API tells everybody; what only this server's memory has is stored for that. */
async function usageOf(url: string, mirror: string): Promise<MirrorUsageDetailsView> {
  return JSON.parse(
    (await httpGet(`${url}/api/v1/usage/${mirror}`)).body.toString(),
  ) as MirrorUsageDetailsView
}

describe('who uses a mirror', () => {
  test(
    'is dnf, after an installation, and curl',
    needs('dnf', 'rpmbuild', 'createrepo_c', 'curl'),
    async (t) => {
      const tree = new RepositoryTree(tempDir(t))
      tree.add(...(await buildRpms([{ name: 'app', requires: ['lib'] }, { name: 'lib' }], tempDir(t))))
      await tree.publish()
      const upstream = await startUpstream(t, tree.dir)
      const farm = await startApp(t, { mirrors: { el9: upstream.url, other: upstream.url } })
      await farm.sync('el9')
      const baseurl = await farm.current('el9')
      const root = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl }])
      assert.equal((await root.install('app')).code, 0)
      const { stdout: latest } = await mustRun('curl', ['-sS', `${farm.url}/repos/yum/el9/latest.txt`])

      const used = await usageOf(farm.url, 'el9')
      assert.deepEqual([used.clients, used.snapshots.map(({ snapshot }) => snapshot)], [1, [latest.trim()]])
      assert.deepEqual(new Set(used.recent_clients.map(({ client }) => client)), new Set(['127.0.0.0/24']))
      const [dnf, curl, ...others] = used.agents
      assert.deepEqual([others, curl], [[], { agent: 'curl', requests: 1 }])
      // repomd.xml, primary and the other files that it needs, and two packages; which dnf that is its system has to tell.
      const [version = ''] = (await mustRun('dnf', ['--version'])).stdout.split('.')
      assert.ok(dnf !== undefined && ['dnf', `dnf ${version}`].includes(dnf.agent), dnf?.agent)
      assert.ok(dnf.requests >= 5, `${dnf.requests} requests`)
      assert.equal((await usageOf(farm.url, 'other')).requests, 0)
    },
  )
})

interface Farm {
  readonly server: StartedServer
  /** Starts another server on the same directory. */
  readonly startAnother: () => Promise<StartedServer>
  /** Asks a server for the package that many times. */
  readonly use: (server: StartedServer, times: number) => Promise<void>
}

async function startFarm(t: TestContext): Promise<Farm> {
  const root = tempDir(t)
  const { packages } = writeSyntheticRepository(root, { packages: [{ name: 'a', content: 2_000 }] })
  const upstream = await startUpstream(t, root)
  const options = { mirrors: { m: { baseurl: upstream.url } }, dir: tempDir(t) }
  const server = await startServer(t, { ...options, synced: true })
  const use = async ({ url }: StartedServer, times: number) => {
    const target = `${url}/repos/yum/m/latest/${packages[0]?.href}`
    for (let count = 0; count < times; count += 1) assert.equal((await httpGet(target)).status, 200)
  }
  return { server, startAnother: () => startServer(t, options), use }
}

describe('what was counted', () => {
  test('is kept over a restart', async (t) => {
    const { server, startAnother, use } = await startFarm(t)
    await use(server, 5)
    await server.kill('SIGTERM')
    const again = await startAnother()
    await use(again, 2)
    const { requests, bytes, clients } = await usageOf(again.url, 'm')
    assert.deepEqual([requests, bytes, clients], [7, 14_000, 1])
  })

  test('and stored is kept when the server is killed; what came since is the most that is lost', async (t) => {
    const { server, startAnother, use } = await startFarm(t)
    await use(server, 5)
    assert.equal((await usageOf(server.url, 'm')).requests, 5)
    await use(server, 3)
    await server.kill('SIGKILL')
    const again = await startAnother()
    const { requests, bytes } = await usageOf(again.url, 'm')
    // Had the ten seconds just been over, those three were stored as well.
    assert.ok(requests === 5 || requests === 8, `${requests} requests`)
    assert.equal(bytes, requests * 2_000)
  })

  test('adds up over the servers of one directory', async (t) => {
    const { server, startAnother, use } = await startFarm(t)
    const other = await startAnother()
    await Promise.all([use(server, 30), use(other, 40), use(server, 10)])
    const [first, second] = await Promise.all([usageOf(server.url, 'm'), usageOf(other.url, 'm')])
    assert.ok(first.requests >= 40 && second.requests >= 40)
    const { requests, bytes, clients, recent_clients: recent } = await usageOf(server.url, 'm')
    assert.deepEqual([requests, bytes, clients, recent.map((one) => one.requests)], [80, 160_000, 1, [80]])
  })
})
