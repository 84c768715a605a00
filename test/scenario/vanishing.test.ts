import assert from 'node:assert/strict'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { MirrorConfig } from '../../src/config/config.ts'
import type { MirrorView } from '../../src/proxy/api-mirrors.ts'
import { DnfRoot } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { startNginx, type Nginx } from '../support/nginx.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms, type RpmSpec } from '../support/rpm.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// Upstream forgets packages in the very push that announces their successors. With real parts: rpmbuild and createrepo_c make the
// repository, nginx is upstream and the vault, dnf is the client.

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c', 'nginx')

interface Farm extends StartedApp {
  readonly tree: RepositoryTree
  readonly nginx: Nginx
  /** Where an nginx serves what was moved there. */
  readonly vault: string
  /** Upstream now has exactly these; gives the URL of the snapshot that this made. */
  publish(added: readonly RpmSpec[], ...removed: readonly string[]): Promise<string>
  mirror(): Promise<MirrorView>
}

async function startFarm(t: TestContext, settings: Partial<MirrorConfig> = {}): Promise<Farm> {
  const dir = tempDir(t)
  const tree = new RepositoryTree(join(dir, 'upstream'))
  const vault = join(dir, 'vault')
  mkdirSync(join(vault, 'Packages'), { recursive: true })
  const nginx = await startNginx(t, tree.dir, { accessLog: true })
  const { url: vaultUrl } = await startNginx(t, vault)
  const now = { at: Date.UTC(2026, 0, 1) }
  const app = await startApp(t, {
    mirrors: { el9: { baseurls: [nginx.url], policy: 'warm', fallbacks: [vaultUrl], ...settings } },
    now: () => now.at,
  })
  const publish = async (added: readonly RpmSpec[], ...removed: readonly string[]) => {
    tree.add(...(await buildRpms(added, tempDir(t)))).remove(...removed)
    await tree.publish()
    now.at += 60_000
    const { snapshot } = await app.sync('el9')
    await app.app.prefetcher.settled('el9')
    return `${app.url}/repos/yum/el9/${snapshot.name}`
  }
  const mirror = async () =>
    JSON.parse((await httpGet(`${app.url}/api/v1/mirrors/el9`)).body.toString()) as MirrorView
  return { ...app, tree, nginx, vault, publish, mirror }
}

/** Installs packages into an empty root from a snapshot. */
async function install(t: TestContext, baseurl: string, ...packages: readonly string[]) {
  const root = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl }])
  const { code, stdout, stderr } = await root.install(...packages)
  return { code, output: stdout + stderr, installed: await root.installed() }
}

/** The same version of a package in another size: built anew, so that its bytes are others. */
const rebuilt = (name: string, sizeBytes: number): RpmSpec => ({ name, version: '1', sizeBytes })

const spec = (name: string, version: string, requires: readonly string[] = []): RpmSpec => ({
  name,
  version,
  requires,
  sizeBytes: 20_000,
})

test(
  'what jobs use stays installable from each snapshot, though upstream drops it before anybody asks',
  TOOLS,
  async (t) => {
    const farm = await startFarm(t)
    const first = await farm.publish([spec('app', '1', ['lib']), spec('lib', '1'), spec('rare', '1')])
    assert.equal((await install(t, first, 'app')).code, 0)
    // That they were asked for is stored every few seconds, or now.
    await httpGet(`${farm.url}/api/v1/usage`)

    const second = await farm.publish(
      [spec('app', '2', ['lib = 2']), spec('lib', '2')],
      'app-1-1.noarch.rpm',
      'lib-1-1.noarch.rpm',
    )
    const third = await farm.publish(
      [spec('app', '3', ['lib']), spec('lib', '3')],
      'app-2-1.noarch.rpm',
      'lib-2-1.noarch.rpm',
      'rare-1-1.noarch.rpm',
    )
    const job = await install(t, second, 'app')
    assert.equal(job.code, 0, job.output)
    assert.deepEqual(job.installed, ['app-2-1.noarch', 'lib-2-1.noarch'])
    assert.deepEqual((await install(t, third, 'app')).installed, ['app-3-1.noarch', 'lib-3-1.noarch'])

    // What nobody used was fetched by nobody, and is at risk; a job that wants it all the same is told why it cannot have it.
    const { kept, at_risk: atRisk, lost } = await farm.mirror()
    assert.deepEqual([kept, atRisk, lost], [4, 1, 0])
    const failed = await install(t, second, 'rare')
    assert.notEqual(failed.code, 0)
    assert.match(failed.output, /Status code: 502|error: 502/)
    assert.deepEqual([(await farm.mirror()).at_risk, (await farm.mirror()).lost], [0, 1])
    const reply = await httpGet(`${second}/Packages/rare-1-1.noarch.rpm`)
    assert.equal(reply.headers['x-cache'], 'lost')
    assert.match(String(reply.headers['x-pinyon-reason']), /^lost: it left el9 at 2026-01-01T00:03:00Z/)
  },
)

test('a vault gives what upstream has moved there', TOOLS, async (t) => {
  const farm = await startFarm(t)
  const first = await farm.publish([spec('app', '1'), spec('other', '1')])
  renameSync(
    join(farm.tree.dir, 'Packages/app-1-1.noarch.rpm'),
    join(farm.vault, 'Packages/app-1-1.noarch.rpm'),
  )
  await farm.publish([spec('app', '2')])
  assert.equal((await farm.mirror()).at_risk, 1)
  const job = await install(t, first, 'app')
  assert.equal(job.code, 0, job.output)
  assert.deepEqual(job.installed, ['app-1-1.noarch'])
  const { kept, at_risk: atRisk, lost } = await farm.mirror()
  assert.deepEqual([kept, atRisk, lost], [1, 0, 0])
})

test('one name, other bytes: each snapshot gives its own, or says why it cannot', TOOLS, async (t) => {
  const farm = await startFarm(t, { policy: 'on_demand', fallbacks: [] })
  const first = await farm.publish([rebuilt('used', 10_000), rebuilt('unused', 10_000)])
  const path = 'Packages/used-1-1.noarch.rpm'
  const older = await httpGet(`${first}/${path}`)
  const second = await farm.publish([rebuilt('used', 12_000), rebuilt('unused', 12_000)])
  const newer = await httpGet(`${second}/${path}`)
  assert.deepEqual([older.status, newer.status], [200, 200])
  assert.notDeepEqual(older.body, newer.body)
  assert.deepEqual((await httpGet(`${first}/${path}`)).body, older.body)
  for (const snapshot of [first, second]) {
    const job = await install(t, snapshot, 'used')
    assert.equal(job.code, 0, job.output)
  }
  const never = await httpGet(`${first}/Packages/unused-1-1.noarch.rpm`)
  assert.deepEqual([never.status, never.headers['x-cache']], [502, 'lost'])
  const reason = String(never.headers['x-pinyon-reason'])
  assert.match(reason, /^lost: el9 had other bytes under this name at 2026-01-01T00:02:00Z/)
  assert.match(reason, /and the older ones were not cached by then/)
  assert.equal((await install(t, second, 'unused')).code, 0)
})
