import { createHash } from 'node:crypto'
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mustRun } from './run-command.ts'
import { seededBytes } from './seeded-bytes.ts'

/** A package to be built. It installs into an empty root: files below /opt/<name>, no scriptlets, no found dependencies. */
export interface RpmSpec {
  readonly name: string
  /** Default `1.0`. */
  readonly version?: string
  /** Default `1`. */
  readonly release?: string
  /** None by default, which is 0. */
  readonly epoch?: number
  /** `noarch` (default), `x86_64`, `i686`, `aarch64` … */
  readonly arch?: string
  /** As in a spec file: `lib >= 2`. */
  readonly requires?: readonly string[]
  readonly provides?: readonly string[]
  /** Bytes of incompressible payload; default 100. */
  readonly sizeBytes?: number
  readonly summary?: string
}

type FullSpec = Required<Omit<RpmSpec, 'epoch'>> & Pick<RpmSpec, 'epoch'>

/** Part of every cache key: raise it when the same spec is to give other bytes. */
const BUILDER_VERSION = 1

/** 2020-01-01, in seconds: modification and build time of everything, so that equal specs give equal bytes. */
const SOURCE_DATE_EPOCH = 1_577_836_800

/**
 * Builds these packages with rpmbuild into `outDir` and gives their paths, in order. Equal specs give equal bytes and are built
 * once per run of the tests, whichever test file asks.
 */
export async function buildRpms(specs: readonly RpmSpec[], outDir: string): Promise<string[]> {
  const full = specs.map(withDefaults)
  const missing = new Map(
    full.filter((spec) => !existsSync(cachePath(spec))).map((spec) => [cachePath(spec), spec]),
  )
  await Promise.all(buildGroups([...missing.values()]).map(buildGroup))
  mkdirSync(outDir, { recursive: true })
  return full.map((spec) => {
    const path = join(outDir, rpmFileName(spec))
    copyFileSync(cachePath(spec), path, constants.COPYFILE_FICLONE)
    utimesSync(path, SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH)
    return path
  })
}

/** The file name rpmbuild gives a package: `name-version-release.arch.rpm`; the epoch is not part of it. */
export function rpmFileName(spec: RpmSpec): string {
  const { name, version, release, arch } = withDefaults(spec)
  return `${name}-${version}-${release}.${arch}.rpm`
}

function withDefaults(spec: RpmSpec): FullSpec {
  return {
    version: '1.0',
    release: '1',
    arch: 'noarch',
    requires: [],
    provides: [],
    sizeBytes: 100,
    summary: `Test package ${spec.name}`,
    ...spec,
  }
}

function cacheDir(): string {
  const dir = join(tmpdir(), `pinyon-test-rpms-${process.getuid?.() ?? 0}`)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return dir
}

function cachePath(spec: FullSpec): string {
  const fields = Object.entries(spec).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const key = createHash('sha256').update(JSON.stringify([BUILDER_VERSION, fields]))
  return join(cacheDir(), `${key.digest('hex')}.rpm`)
}

/** One rpmbuild run makes packages of different names for one architecture (and noarch); the runs are independent. */
function buildGroups(specs: readonly FullSpec[]): FullSpec[][] {
  const groups: FullSpec[][] = []
  for (const spec of specs) {
    const group = groups.find((group) => group.every((other) => fitsWith(spec, other)))
    if (group === undefined) groups.push([spec])
    else group.push(spec)
  }
  return groups
}

function fitsWith(spec: FullSpec, other: FullSpec): boolean {
  const sameArch = spec.arch === other.arch || spec.arch === 'noarch' || other.arch === 'noarch'
  return sameArch && spec.name !== other.name
}

async function buildGroup(group: readonly FullSpec[]): Promise<void> {
  const top = mkdtempSync(join(cacheDir(), 'build-'))
  try {
    for (const spec of group) {
      const dir = join(top, 'payload', 'opt', spec.name)
      mkdirSync(dir, { recursive: true })
      writeFileSync(join(dir, 'payload'), seededBytes(rpmFileName(spec), spec.sizeBytes))
    }
    writeFileSync(join(top, 'test.spec'), formatSpecFile(group))
    const target = group.find((spec) => spec.arch !== 'noarch')?.arch ?? 'noarch'
    const args = ['-bb', '--quiet', '--nodeps', '--noclean', '--target', target, ...macroArguments(top)]
    await mustRun('rpmbuild', [...args, join(top, 'test.spec')], {
      env: { SOURCE_DATE_EPOCH: `${SOURCE_DATE_EPOCH}` },
    })
    for (const spec of group) renameSync(join(top, 'rpms', rpmFileName(spec)), cachePath(spec))
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
}

function macroArguments(top: string): string[] {
  const macros = {
    _topdir: top,
    _rpmdir: join(top, 'rpms'),
    _dbpath: join(top, 'db'),
    _tmppath: top,
    _rpmfilename: '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    _binary_payload: 'w1.gzdio',
    _build_id_links: 'none',
    _buildhost: 'localhost',
    __os_install_post: '%{nil}',
    debug_package: '%{nil}',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
  }
  return Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`])
}

/** A spec file whose main package is empty and not built, with a subpackage for each of the group. */
function formatSpecFile(group: readonly FullSpec[]): string {
  const head = [
    'Name: pinyon-test',
    'Version: 1',
    'Release: 1',
    'Summary: none',
    'License: MIT',
    'AutoReqProv: no',
  ]
  const body = ['%description', 'none', '%install', 'cp -r %{_topdir}/payload/. %{buildroot}']
  return [...head, ...body, ...group.flatMap(formatSubpackage)].join('\n') + '\n'
}

function formatSubpackage(spec: FullSpec): string[] {
  return [
    `%package -n ${spec.name}`,
    `Version: ${spec.version}`,
    `Release: ${spec.release}`,
    ...(spec.epoch === undefined ? [] : [`Epoch: ${spec.epoch}`]),
    ...(spec.arch === 'noarch' ? ['BuildArch: noarch'] : []),
    `Summary: ${spec.summary}`,
    'AutoReqProv: no',
    ...spec.requires.map((requirement) => `Requires: ${requirement}`),
    ...spec.provides.map((capability) => `Provides: ${capability}`),
    `%description -n ${spec.name}`,
    spec.summary,
    `%files -n ${spec.name}`,
    '%defattr(-,root,root)',
    `/opt/${spec.name}`,
  ]
}
