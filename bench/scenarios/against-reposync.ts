/**
 * What it takes until jobs can use a mirror, and a first one has its 50 packages: `dnf reposync` and `createrepo_c`, which copy the whole
 * repository, against pinyon from its start. Upstream is nginx on the same machine; what it sends is counted there.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { dnf } from '../../test/support/dnf.ts'
import { mustRun } from '../../test/support/run-command.ts'
import { needs } from '../../test/support/tools.ts'
import { OURS, toFigures } from '../measure/figure.ts'
import { sha256 } from '../measure/hot-repository.ts'
import { AVERAGE_BYTES, getRpmRepository, packagePath, spreadNumbers } from '../measure/rpm-repository.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { compilePinyon } from '../measure/timed-command.ts'
import { startNginxPeer } from '../peers/nginx.ts'
import { startPinyonPeer } from '../peers/pinyon.ts'

const TARGET = 1 / 50
const WANTED = 50
/** As dnf has it. */
const PARALLEL = 3
const RIVAL = 'reposync'

interface Cost {
  readonly seconds: number
  readonly bytes: number
}

/** Runs it. */
export const runAgainstReposync: Scenario = async ({ dir, options, fixtures, say }) => {
  const { skip } = needs('dnf', 'dnf-plugins-core', 'rpmbuild', 'createrepo_c', 'curl')
  if (skip !== false) return { figures: [], curves: [], notes: [`against-reposync was left out: it ${skip}`] }
  const count = options.isQuick ? 2_000 : 17_000
  say(`makes ${count} packages`)
  const root = await getRpmRepository(fixtures, count)
  compilePinyon()
  // What was written before, gigabytes that were just made among it, is not to be waited for by whoever makes sure that his own is on the disk.
  await mustRun('sync', [])
  const costs: Record<string, Cost[]> = { [OURS]: [], [RIVAL]: [] }
  for (let round = 0; round < chooseRounds(options, 1, 1); round += 1) {
    const own = join(dir, String(round))
    say('pinyon')
    costs[OURS]?.push(
      await measureAt(root, join(own, 'of-pinyon'), (url) =>
        usePinyon(url, join(own, 'pinyon'), root, count),
      ),
    )
    say('reposync and createrepo_c')
    costs[RIVAL]?.push(
      await measureAt(root, join(own, 'of-reposync'), (url) =>
        useReposync(url, join(own, 'reposync'), count),
      ),
    )
  }
  const samples = (pick: (cost: Cost) => number) =>
    Object.fromEntries(Object.entries(costs).map(([of, all]) => [of, all.map(pick)]))
  const name = `${WANTED} of ${count.toLocaleString('en')} packages`
  const common = {
    scenario: 'against-reposync',
    name,
    better: 'less',
    targets: { [RIVAL]: TARGET },
    allowance: 0.25,
  } as const
  return {
    figures: [
      ...toFigures(
        { ...common, measure: 'time', unit: 's' },
        samples(({ seconds }) => seconds),
      ),
      ...toFigures(
        { ...common, measure: 'bytes from upstream', unit: 'bytes' },
        samples(({ bytes }) => bytes),
      ),
    ],
    curves: [],
    notes: [
      `against-reposync: packages are ${Math.round(AVERAGE_BYTES / 1_000)} KB on average, and upstream is on the same machine. Those of CentOS Stream 9 ` +
        'AppStream are 2.1 MB, 37 GB in all, of which reposync has to fetch and write every one, and pinyon those that are asked for.',
    ],
  }
}

/** Time and upstream's bytes of something that is done with an upstream of its own; `use` gives how to end what it has started, and what that has to show. */
async function measureAt(
  root: string,
  dir: string,
  use: (url: string) => Promise<() => Promise<void>>,
): Promise<Cost> {
  const upstream = await startNginxPeer('upstream', {
    dir,
    root,
    upstream: 'http://127.0.0.1:1',
    core: undefined,
  })
  const startedAt = performance.now()
  let seconds = 0
  try {
    const end = await use(upstream.url)
    seconds = (performance.now() - startedAt) / 1_000
    await end()
  } finally {
    await upstream.stop()
  }
  const sent = readFileSync(join(dir, 'sent'), 'utf8').trim().split('\n').map(Number)
  return { seconds, bytes: sent.reduce((sum, bytes) => sum + bytes, 0) }
}

async function usePinyon(
  url: string,
  dir: string,
  root: string,
  count: number,
): Promise<() => Promise<void>> {
  const pinyon = await startPinyonPeer({ name: OURS, dir, mirrors: { bench: `${url}/` } })
  const wanted = spreadNumbers(WANTED, count).map(packagePath)
  const got = join(dir, 'got')
  // Who asks is a program as small as librepo, which is what asks otherwise.
  const urls = wanted.map((path) => `url = "${pinyon.url}${pinyon.base}/${path}"\nremote-name\n`).join('')
  const args = [
    '--silent',
    '--show-error',
    '--fail',
    '--parallel',
    '--parallel-immediate',
    '--parallel-max',
    `${PARALLEL}`,
  ]
  try {
    await mustRun('mkdir', ['-p', got])
    writeFileSync(join(dir, 'urls'), urls)
    await mustRun('curl', [...args, '--output-dir', got, '--config', join(dir, 'urls')])
  } catch (error) {
    await pinyon.stop()
    throw error
  }
  return async () => {
    await pinyon.stop()
    for (const path of wanted)
      if (sha256(readFileSync(join(got, basename(path)))) !== sha256(readFileSync(join(root, path))))
        throw new Error(`${path} is not what upstream has`)
  }
}

async function useReposync(url: string, dir: string, count: number): Promise<() => Promise<void>> {
  const copy = join(dir, 'copy')
  const args = [
    'reposync',
    '--enableplugin=reposync',
    '--quiet',
    `--download-path=${copy}`,
    '--repoid=bench',
    '--norepopath',
  ]
  await mustRun('mkdir', ['-p', copy])
  const { code, stderr } = await dnf(dir, { repos: [{ id: 'bench', baseurl: `${url}/` }], args })
  if (code !== 0) throw new Error(`dnf reposync ended with ${code}: ${stderr}`)
  await mustRun('createrepo_c', ['--quiet', copy])
  return async () => {
    const found = readdirSync(join(copy, 'Packages')).length
    if (found !== count) throw new Error(`dnf reposync brought ${found} of ${count} packages`)
    await Promise.resolve()
  }
}
