import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { mustRun } from '../../test/support/run-command.ts'
import { seededBytes } from '../../test/support/seeded-bytes.ts'
import { readRpm, type RpmTemplate } from './rpm-file.ts'

/** Digits that a package's number takes the place of. */
const NUMBER_DIGITS = 5

/** Builds a real package for each payload size with rpmbuild, from which any number of others can be made. */
export async function buildTemplates(dir: string, sizes: readonly number[]): Promise<RpmTemplate[]> {
  const payload = join(dir, 'payload/opt/bench')
  mkdirSync(payload, { recursive: true })
  for (const size of sizes) writeFileSync(join(payload, String(size)), seededBytes(`payload ${size}`, size))
  const names = sizes.map((_, at) => packageName(10 ** NUMBER_DIGITS - 1 - at))
  const spec = join(dir, 'bench.spec')
  writeFileSync(spec, formatSpec(names.map((name, at) => [name, sizes[at] ?? 0])))
  const macros = {
    _topdir: dir,
    _rpmdir: join(dir, 'rpms'),
    _dbpath: join(dir, 'db'),
    _tmppath: dir,
    _rpmfilename: '%%{NAME}.rpm',
    _binary_payload: 'w1.gzdio',
    _build_id_links: 'none',
    __os_install_post: '%{nil}',
    debug_package: '%{nil}',
  }
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`])
  await mustRun('rpmbuild', ['-bb', '--quiet', '--noclean', '--target', 'noarch', ...defines, spec])
  return names.map((name) => readRpm(readFileSync(join(dir, 'rpms', `${name}.rpm`)), name))
}

/** `bench-00042`. */
export function packageName(number: number): string {
  return `bench-${String(number).padStart(NUMBER_DIGITS, '0')}`
}

/** Packages of one size have a file in common, so that they can be installed beside each other, and their payloads are the same. */
function formatSpec(packages: readonly (readonly [name: string, size: number])[]): string {
  const head = [
    'Name: bench',
    'Version: 1.0',
    'Release: 1',
    'Summary: none',
    'License: MIT',
    'AutoReqProv: no',
    'BuildArch: noarch',
  ]
  const body = ['%description', 'none', '%install', 'cp -r %{_topdir}/payload/. %{buildroot}']
  const each = packages.flatMap(([name, size]) => [
    `%package -n ${name}`,
    `Summary: Package ${name}`,
    'AutoReqProv: no',
    `%description -n ${name}`,
    `Package ${name}, to be measured with.`,
    `%files -n ${name}`,
    '%defattr(-,root,root)',
    `/opt/bench/${size}`,
  ])
  return [...head, ...body, ...each].join('\n') + '\n'
}
