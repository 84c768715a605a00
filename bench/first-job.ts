/**
 * What fetching ahead the usual companions of a package could give at most: `npm run bench:first-job -- [ROUNDS]`. Real dnf installs 50 packages from
 * a pinyon whose upstream is 100 ms away: the first job ever to ask for them; one whose packages are all asked for, by somebody who knows them,
 * as it begins to install; and one that comes when they are there, as with `policy: warm` from the second snapshot on.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DnfRoot } from '../test/support/dnf.ts'
import { needs } from '../test/support/tools.ts'
import { Fixtures } from './measure/fixtures.ts'
import { exitOnSignals, removeWithUs } from './measure/leave-nothing.ts'
import { getRpmRepository, packagePath } from './measure/rpm-repository.ts'
import { packageName } from './measure/rpm-templates.ts'
import { startSlowUpstream } from './measure/slow-upstream.ts'
import { formatSpread, spreadOf } from './measure/statistics.ts'
import { startPinyonPeer } from './peers/pinyon.ts'
import { parseNumbers, readArguments } from '../test/support/script-arguments.ts'

const LATENCY_MS = 100
/** Of each job, and none of another's: of all sizes alike. */
const WANTED = 50
const ROUNDS = 5

const [rounds = ROUNDS] = readArguments(import.meta.filename, (args) => parseNumbers(args, 1))
const { skip } = needs('root', 'dnf', 'rpmbuild', 'createrepo_c')
if (skip !== false) throw new Error(`bench:first-job ${skip}`)
exitOnSignals()
const dir = mkdtempSync(join(tmpdir(), 'pinyon-bench-first-job-'))
removeWithUs(dir)
const root = await getRpmRepository(new Fixtures(dir), 2 * rounds * WANTED)
const upstream = await startSlowUpstream(root, [{ latencyMs: LATENCY_MS, keepsAlive: true }])
const pinyon = await startPinyonPeer({
  name: 'pinyon',
  dir: join(dir, 'pinyon'),
  mirrors: { bench: upstream.urls[0] ?? '' },
})
const baseurl = `${pinyon.url}${pinyon.base}/`
const seconds = { first: [] as number[], known: [] as number[], warm: [] as number[] }
try {
  for (let round = 0; round < rounds; round += 1) {
    const [one, another] = [numbersOf(2 * round), numbersOf(2 * round + 1)]
    seconds.first.push(await install(one))
    seconds.warm.push(await install(one))
    seconds.known.push(await install(another, () => fetchAll(another)))
    process.stderr.write(`round ${round + 1} of ${rounds}\n`)
  }
} finally {
  await pinyon.stop()
  await upstream.stop()
  rmSync(dir, { recursive: true, force: true })
}
const tell = (what: string, values: readonly number[]) =>
  process.stdout.write(`${what.padEnd(48)}${formatSpread(spreadOf(values))} s\n`)
process.stdout.write(`dnf install of ${WANTED} packages, upstream ${LATENCY_MS} ms away\n`)
tell('the first job to ask for them', seconds.first)
tell('all of them asked for as it begins', seconds.known)
tell('all of them there', seconds.warm)

function numbersOf(job: number): number[] {
  return Array.from({ length: WANTED }, (_, at) => job * WANTED + at)
}

/** Of an empty machine whose cache of metadata is made. @returns seconds */
async function install(numbers: readonly number[], meanwhile?: () => Promise<void>): Promise<number> {
  const own = mkdtempSync(join(dir, 'job-'))
  const job = new DnfRoot(own, [{ id: 'bench', baseurl }])
  await job.makecache()
  const startedAt = performance.now()
  const [{ code, stderr }] = await Promise.all([job.install(...numbers.map(packageName)), meanwhile?.()])
  const took = (performance.now() - startedAt) / 1_000
  const installed = await job.installed()
  if (code !== 0 || installed.length !== numbers.length)
    throw new Error(`dnf ended with ${code} and ${installed.length} of ${numbers.length} packages: ${stderr}`)
  rmSync(own, { recursive: true, force: true })
  return took
}

async function fetchAll(numbers: readonly number[]): Promise<void> {
  await Promise.all(
    numbers.map(async (number) => {
      const reply = await fetch(baseurl + packagePath(number))
      await reply.arrayBuffer()
      if (reply.status !== 200) throw new Error(`package ${number} was answered with ${reply.status}`)
    }),
  )
}
