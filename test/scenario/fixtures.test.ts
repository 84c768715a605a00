import assert from 'node:assert/strict'
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { decompress } from '../../src/repodata/decompress.ts'
import type { Snapshot, SnapshotStore } from '../../src/snapshot/store.ts'
import { digestOf, digestAlgorithm } from '../../src/model/digest.ts'
import { readByOracle } from '../repodata/primary-oracle.ts'
import { NEEDS_REAL_FILES, findRealFiles, realFile } from '../repodata/real-files.ts'
import { readRepodata } from '../snapshot/mirror-under-test.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { findTool, needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// Repositories as they are in the world, each through a whole server: published with exactly these defects, or refused.

/** What becomes of a repository: packages listed, how many of them are there to be fetched, and defects as `kind file`. */
interface Published {
  readonly packages: number
  readonly rpms?: number
  readonly defects?: readonly string[]
  /** Delta rpms that it lists and that are there, and what its .treeinfo lists. */
  readonly extras?: number
  /** Whether its metadata were rewritten: then each package is at a path of ours. */
  readonly rewritten?: true
}

/** Why a repository is refused. */
interface Refused {
  readonly code: string
  readonly reason: RegExp
}

/** What installers and zypper want, wherever there is any. */
const EXTRA_FILES = ['.treeinfo', 'media.1/media', 'LICENSE']

const WITHOUT_PRIMARY: Refused = {
  code: 'UPSTREAM_GONE',
  reason: /primary\.xml\.\w+ cannot be had: .*: 404$/,
}
const PRIMARY_DB_ONLY: Refused = { code: 'REPODATA_MALFORMED', reason: /names no primary$/ }
const WRONG_SIZES = ['open-size primary.xml', 'size primary.xml']
const WRONG_PRIMARY = ['count primary.xml', ...WRONG_SIZES]
const EMPTY_WITH_COMPS: Published = {
  packages: 0,
  defects: ['open-size comps.xml', 'size comps.xml', ...WRONG_PRIMARY],
}
const EMPTY_WITH_ENVIRONMENT: Published = { packages: 0, defects: ['size comps.xml', ...WRONG_SIZES] }
const EMPTY_WITH_MODULES: Published = { packages: 0, defects: ['size modules.yaml', ...WRONG_PRIMARY] }
const WITHOUT_LISTS = ['missing filelists.xml.gz', 'missing other.xml.gz']

const EXPECTED: Readonly<Record<string, Published | Refused>> = {
  'asc-without-key': { packages: 7 },
  'createrepo_c-repo_00': { packages: 0 },
  'createrepo_c-repo_01': {
    code: 'UPSTREAM_GONE',
    reason: /primary\.xml\.gz cannot be had: .* found sha256:9c68df5c/,
  },
  'createrepo_c-repo_02': { packages: 2 },
  'createrepo_c-repo_03': { packages: 0 },
  'createrepo_c-repo_04': { packages: 2 },
  'createrepo_c-repo_koji_01': { packages: 2 },
  'createrepo_c-repo_with_additional_metadata': { packages: 1 },
  // Four entries for two files, those of one file alike.
  'createrepo_c-repo_with_duplicate_packages': { packages: 2 },
  'cs9-appstream-17649': {
    packages: 17_649,
    defects: [
      'missing comps-AppStream.x86_64.xml.xz',
      'missing filelists.sqlite.xz',
      'missing other.sqlite.xz',
      'missing other.xml.gz',
      'missing primary.sqlite.xz',
      'open-checksum filelists.xml.gz',
    ],
  },
  'dnf-drpm': { packages: 3, rpms: 3, extras: 1 },
  'dnf-rpm-dupnevra': { packages: 9 },
  'dnf5-repomd/repomd-comps-core': EMPTY_WITH_COMPS,
  'dnf5-repomd/repomd-comps-core-different-translations': EMPTY_WITH_COMPS,
  'dnf5-repomd/repomd-comps-core-empty': EMPTY_WITH_COMPS,
  'dnf5-repomd/repomd-comps-core-environment': { packages: 0, defects: WRONG_SIZES },
  'dnf5-repomd/repomd-comps-core-v2': EMPTY_WITH_COMPS,
  'dnf5-repomd/repomd-comps-critical-path-standard': EMPTY_WITH_COMPS,
  'dnf5-repomd/repomd-comps-custom-environment': EMPTY_WITH_ENVIRONMENT,
  'dnf5-repomd/repomd-comps-minimal-environment': EMPTY_WITH_ENVIRONMENT,
  'dnf5-repomd/repomd-comps-minimal-environment-different-translations': EMPTY_WITH_ENVIRONMENT,
  'dnf5-repomd/repomd-comps-minimal-environment-empty': EMPTY_WITH_ENVIRONMENT,
  'dnf5-repomd/repomd-comps-minimal-environment-v2': EMPTY_WITH_ENVIRONMENT,
  'dnf5-repomd/repomd-comps-standard': EMPTY_WITH_COMPS,
  'dnf5-repomd/repomd-modules': EMPTY_WITH_MODULES,
  'dnf5-repomd/repomd-modules-broken-defaults': EMPTY_WITH_MODULES,
  'dnf5-repomd/repomd-modules-duplicit': EMPTY_WITH_MODULES,
  'dnf5-repomd/repomd-repo1': {
    packages: 3,
    rewritten: true,
    defects: [
      ...['filelists.xml', 'other.xml', 'primary.xml.gz', 'updateinfo.xml'].flatMap((file) => [
        `open-size ${file}`,
        `size ${file}`,
      ]),
      'count primary.xml.gz',
    ],
  },
  'dnf5-repomd/repomd-repo1-gpg': { packages: 3, defects: ['base primary.xml'] },
  'empty-with-comps-c6': { packages: 0 },
  'fedora20-repomd-only/development/22/x86_64/os': WITHOUT_PRIMARY,
  'fedora20-repomd-only/releases/20/Fedora/source/SRPMS': WITHOUT_PRIMARY,
  'fedora20-repomd-only/releases/20/Fedora/x86_64/os': WITHOUT_PRIMARY,
  'katello-zoo': { packages: 20, rpms: 20, extras: 3 },
  'katello-zoo_dup': { packages: 20, rpms: 20, extras: 3 },
  'libdnf-advisories': { packages: 2, rpms: 2 },
  'libdnf-gpg/asc': PRIMARY_DB_ONLY,
  'libdnf-gpg/no-asc': PRIMARY_DB_ONLY,
  'libdnf-gpg/wrong-asc': PRIMARY_DB_ONLY,
  'libdnf-hawkey-xmlbase': { packages: 2, rpms: 2, extras: 1, rewritten: true },
  'librepo-mock-01': { packages: 1, rpms: 1 },
  'librepo-mock-02': { packages: 1 },
  'librepo-mock-04': { packages: 1, rpms: 1 },
  'librepo-yum_01-signed': { packages: 1 },
  'librepo-yum_02': { packages: 1 },
  'librepo-yum_03-zck': { packages: 21 },
  'osbuild-custom-zst': { packages: 1 },
  'rmt-dummy_with_src': { packages: 4, rpms: 4, extras: 1 },
  'rpmsphere-noarch/gen01-20241029-1430': { packages: 1047 },
  'rpmsphere-noarch/gen02-20241118-1529': { packages: 1054 },
  'rpmsphere-noarch/gen03-20241226-1612': { packages: 1056 },
  'rpmsphere-noarch/gen04-20250203-1156': { packages: 1056 },
  'rpmsphere-noarch/gen05-20250408-1702': { packages: 1055 },
  'rpmsphere-noarch/gen06-20250711-1103': { packages: 1055 },
  'suse-10.2-updates-subset': { packages: 22, defects: ['count primary.xml.gz', 'missing other.xml.gz'] },
  'suse-delta': { packages: 162, defects: WITHOUT_LISTS },
  'suse-obs-virtualbox-11.1': { packages: 78, defects: WITHOUT_LISTS },
  'suse-obs-zypp-11.1': { packages: 42, defects: WITHOUT_LISTS },
  'suse-zchunk-zerobyte': { code: 'REPODATA_MALFORMED', reason: /primary\.xml: truncated: no root element$/ },
  'zst-frog': { packages: 1, rpms: 1 },
}

/** A repomd.xml that lies about by itself, put where a repository has it: nothing that it names is there. */
const EXPECTED_LOOSE: Readonly<Record<string, Refused>> = {
  'amazon-repomd/test_repomd.xml': { code: 'REPODATA_MALFORMED', reason: /./ },
  'bazeldnf-fedora-metalink/repomd.xml': WITHOUT_PRIMARY,
  'content-sources-misc/external/repomd.xml': WITHOUT_PRIMARY,
  'content-sources-misc/gpg/repomd.xml': WITHOUT_PRIMARY,
}

describe('real repositories', NEEDS_REAL_FILES, () => {
  test('are all in the table', () => {
    const found = findRealFiles('**/repodata/repomd.xml').map((path) => dirname(dirname(path)))
    assert.deepEqual(found.toSorted(byText), Object.keys(EXPECTED).toSorted(byText))
  })

  for (const [path, expected] of Object.entries(EXPECTED)) {
    test(path, async (t) => {
      const upstream = await startUpstream(t, realFile(path))
      await checkMirror(t, realFile(path), upstream.url, expected)
    })
  }

  for (const [path, expected] of Object.entries(EXPECTED_LOOSE)) {
    test(path, async (t) => {
      const dir = tempDir(t)
      mkdirSync(join(dir, 'repodata'))
      copyFileSync(realFile(path), join(dir, 'repodata/repomd.xml'))
      await checkMirror(t, dir, (await startUpstream(t, dir)).url, expected)
    })
  }
})

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}

async function checkMirror(
  t: TestContext,
  dir: string,
  url: string,
  expected: Published | Refused,
): Promise<void> {
  const server = await startApp(t, { mirrors: { m: { baseurls: [url], extraFiles: EXTRA_FILES } } })
  const result = await server.app.sync('m')
  if ('code' in expected) {
    assert.ok(result.outcome === 'failed')
    assert.equal(result.error.code, expected.code)
    assert.match(result.error.message, expected.reason)
    assert.equal((await get(server, 'repos/yum/m/latest.txt')).status, 503)
    return
  }
  if (result.outcome === 'failed') throw result.error
  assert.ok(result.outcome === 'published')
  const { snapshot } = result
  assert.equal(snapshot.packageCount, expected.packages)
  const defects = await server.app.store.defects(snapshot)
  const named = defects.map(({ kind, path }) => `${kind} ${path.replace(/^repodata\/([0-9a-f]{32,}-)?/, '')}`)
  assert.deepEqual(named.toSorted(byText), (expected.defects ?? []).toSorted(byText))
  assert.equal(snapshot.xmlBase === 'rewritten', expected.rewritten === true)
  await checkRepodata(server, snapshot, dir)
  assert.equal(await checkPackages(server, snapshot, dir), expected.rpms ?? 0)
  assert.equal(await checkExtras(server, snapshot, dir), expected.extras ?? 0)
}

/** Every other file that the snapshot lists and upstream has is served as it is; gives the number of those that it fetches when asked. */
async function checkExtras(server: StartedApp, snapshot: Snapshot, dir: string): Promise<number> {
  let count = 0
  for (const path of globSync(['**/*.drpm', '**/*.iso', '**/*.img', ...EXTRA_FILES], { cwd: dir })) {
    const file = await server.app.store.file(snapshot, path)
    if (file === undefined) continue
    const { status, body } = await get(server, `repos/yum/m/${snapshot.name}/${path}`)
    assert.deepEqual([status, body], [200, readFileSync(join(dir, path))], path)
    assert.equal(file.kind, 'extra', path)
    if (!EXTRA_FILES.includes(path)) count += 1
  }
  return count
}

function get(server: StartedApp, path: string): Promise<HttpReply> {
  return httpGet(`${server.url}/${path.split('/').map(encodeURIComponent).join('/')}`)
}

/** Every file of the snapshot's repodata is upstream's, or is refused with a reason. */
async function checkRepodata(server: StartedApp, snapshot: Snapshot, dir: string): Promise<void> {
  const files = await server.app.store.files(snapshot)
  const expected = ['repodata/repomd.xml', 'repodata/repomd.xml.asc', 'repodata/repomd.xml.key']
  for (const path of expected)
    assert.equal(
      files.some((file) => file.path === path),
      existsSync(join(dir, path)),
      path,
    )
  for (const { path, type, digest } of files) {
    // Of these only that they fit together is told by others.
    if (snapshot.xmlBase === 'rewritten' && (type === 'repomd' || type === 'primary')) continue
    const reply = await get(server, `repos/yum/m/${snapshot.name}/${path}`)
    if (digest === undefined) {
      assert.equal(reply.status, 404)
      assert.match(String(reply.headers['x-pinyon-reason']), new RegExp(`right: .*${path.slice(-10)}$`))
    } else {
      assert.equal(reply.status, 200, path)
      assert.ok(reply.body.equals(readFileSync(join(dir, path))), `${path} is other bytes`)
    }
  }
}

/** Every package whose file is there is served with the digest that primary states; gives their number. */
async function checkPackages(server: StartedApp, snapshot: Snapshot, dir: string): Promise<number> {
  let count = 0
  const moved = snapshot.xmlBase === 'rewritten' ? await listFiles(server.app.store, snapshot, '') : []
  for (const own of globSync('**/*.rpm', { cwd: dir })) {
    const path = moved.find(([listed]) => listed.endsWith(`/${own}`))?.[0] ?? own
    const file = await server.app.store.file(snapshot, path)
    if (file?.digest === undefined || file.kind !== 'package') continue
    const { status, body } = await get(server, `repos/yum/m/${snapshot.name}/${path}`)
    assert.deepEqual([status, body.length], [200, file.size])
    assert.equal(digestOf(body, digestAlgorithm(file.digest)), file.digest)
    count += 1
  }
  return count
}

describe('the generations of a real repository', NEEDS_REAL_FILES, () => {
  test('are a snapshot each, and the first stays what it was', async (t) => {
    const dirs = globSync('rpmsphere-noarch/*', { cwd: realFile('.') })
      .toSorted(byText)
      .map(realFile)
    assert.equal(dirs.length, 6)
    const upstream = await startUpstream(t, dirs[0] ?? '')
    // The files were copied at once: their times and sizes say nothing.
    upstream.rules = ({ headers }) => {
      delete headers['if-none-match']
      return { headers: { ETag: '', 'Last-Modified': '' } }
    }
    const server = await startApp(t, { mirrors: { m: upstream.url } })
    const snapshots: Snapshot[] = []
    for (const dir of dirs) {
      upstream.root = dir
      const result = await server.sync('m')
      assert.equal(result.outcome, 'published')
      snapshots.push(result.snapshot)
      assert.equal((await server.sync('m')).outcome, 'unchanged')
    }
    assert.equal(new Set(snapshots.map(({ name }) => name)).size, 6)
    for (const [index, snapshot] of snapshots.entries()) {
      await checkRepodata(server, snapshot, dirs[index] ?? '')
      const listed = await listFiles(server.app.store, snapshot, '')
      assert.deepEqual(listed, await expectedFiles(dirs[index] ?? ''))
    }
  })
})

/** Every path of a snapshot, found by its directories, with digest and size. */
async function listFiles(
  store: SnapshotStore,
  snapshot: Snapshot,
  directory: string,
): Promise<[string, string][]> {
  const entries = (await store.directory(snapshot, directory)) ?? []
  const found = entries.map(async (entry): Promise<[string, string][]> => {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`
    if (entry.directory) return await listFiles(store, snapshot, path)
    const file = await store.file(snapshot, path)
    return [[path, `${file?.digest} ${file?.size}`]]
  })
  return (await Promise.all(found)).flat().toSorted(([a], [b]) => byText(a, b))
}

/** What a repository's own primary, read by another parser, and its repodata directory say. */
async function expectedFiles(dir: string): Promise<[string, string][]> {
  const repodata = readRepodata(dir)
  const primary = [...repodata].find(([path]) => /primary\.xml/.test(path))?.[1] ?? Buffer.of()
  const pieces: Buffer[] = []
  for await (const piece of decompress(oneChunk(primary))) pieces.push(piece)
  const packages = readByOracle(Buffer.concat(pieces).toString()).map(
    ({ href, checksum, size }): [string, string] => [href, `${checksum} ${size}`],
  )
  const named = readFileSync(join(dir, 'repodata/repomd.xml'), 'utf8')
  const files = [...repodata]
    .filter(([path]) => path.endsWith('repomd.xml') || named.includes(path))
    .map(([path, bytes]): [string, string] => [path, `${digestOf(bytes)} ${bytes.length}`])
  return [...new Map([...packages, ...files])].toSorted(([a], [b]) => byText(a, b))
}

async function* oneChunk(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

describe('a large real repository', NEEDS_REAL_FILES, () => {
  test('of 17,649 packages is synced in at most 200 MB', needs('time'), async (t) => {
    const upstream = await startUpstream(t, realFile('cs9-appstream-17649'))
    // A collector that is late adds to a peak: the least of three is what the sync needs.
    const peaks: number[] = []
    for (let run = 0; run < 3; run += 1) peaks.push(await measureSync(t, upstream.url))
    assert.ok(Math.min(...peaks) <= 200, peaks.join(' '))
    assert.ok(Math.max(...peaks) <= 256, peaks.join(' '))
  })
})

/** Syncs by the command, in a process and a data directory of its own. Gives its peak memory in MB. */
async function measureSync(t: TestContext, baseurl: string): Promise<number> {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'pinyon.yaml'), JSON.stringify({ data_dir: './data', mirrors: { m: { baseurl } } }))
  const main = join(import.meta.dirname, '../../src/main.ts')
  const args = [process.execPath, main, 'sync', '--config', join(dir, 'pinyon.yaml')]
  const { code, stdout, stderr } = await runCommand(findTool('time') ?? '', ['-f', '\n%M %e %U', ...args])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /published .*, 17649 packages/)
  const [rssKb = Infinity, wallS, userS] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  const rssMb = Math.round(rssKb / 1024)
  t.diagnostic(`peak RSS ${rssMb} MB, ${wallS} s in all, ${userS} s of them computing`)
  return rssMb
}
