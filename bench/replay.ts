/**
 * What each policy is worth: `npm run bench:replay [DAYS] [SEED]`, a year by default. Replays a synthetic repository and a farm of jobs through
 * the rule of src/model/prefetch.ts, and prints, policy by policy, the share of package requests that fail because upstream has forgotten
 * what the snapshot of a job lists, and the bytes fetched. Exits 1 unless `warm` fails for less than 0.1 % at no more than a quarter of
 * the bytes of `immediate`.
 */
import { createFarm, type Farm } from './replay-farm.ts'
import { createRepository, type Repository } from './replay-repository.ts'
import { replay, type ReplayResult } from './replay-run.ts'
import { parseNumbers, readArguments } from '../test/support/script-arguments.ts'

const MAX_FAILED = 0.001
const MAX_BYTES = 0.25

const [days = 365, seed = 1] = readArguments(import.meta.filename, (args) => parseNumbers(args, 2))
const startedAt = performance.now()
const repository = createRepository({ days, seed })
const farm = createFarm(repository, { days, seed: seed + 1 })
process.stdout.write(`${describe(repository, farm)}\n\n`)
process.stdout.write(
  'policy         requests   failed      share   at birth   fetched in all   of immediate\n',
)

const results = [
  replay(repository, farm, { policy: 'on_demand', warmWindowMs: 0 }),
  ...[1, 7, 30, 90].map((window) =>
    replay(repository, farm, { policy: 'warm', warmWindowMs: window * 86_400_000 }),
  ),
  replay(repository, farm, { policy: 'immediate', warmWindowMs: 0 }),
]
const all = results.at(-1)?.fetchedBytes ?? 0
for (const result of results) process.stdout.write(formatResult(result, all))
const warm = results.find(({ rule }) => rule.policy === 'warm' && rule.warmWindowMs === 30 * 86_400_000)
const passed =
  warm !== undefined && warm.failed / warm.requests < MAX_FAILED && warm.fetchedBytes <= MAX_BYTES * all
process.stdout.write(
  `\nwarm, 30 d, ${passed ? 'fails for' : 'DOES NOT fail for'} less than ${100 * MAX_FAILED} % at no more than ${100 * MAX_BYTES} % of the bytes; ${Math.round(performance.now() - startedAt)} ms\n`,
)
process.exitCode = passed ? 0 : 1

function describe({ names, versions, pushes }: Repository, { runs }: Farm): string {
  const bytes = versions.reduce((sum, { size }) => sum + size, 0)
  return `${days} days: ${names} package names, ${versions.length} versions of ${formatGiB(bytes)} in ${pushes} pushes; ${runs.length} runs of jobs`
}

function formatResult(
  { rule, requests, failed, aheadBytes, fetchedBytes }: ReplayResult,
  allBytes: number,
): string {
  const name = rule.policy === 'warm' ? `warm, ${rule.warmWindowMs / 86_400_000} d` : rule.policy
  const share = `${((100 * failed) / requests).toFixed(4)} %`
  const ofAll = `${((100 * fetchedBytes) / allBytes).toFixed(1)} %`
  return `${name.padEnd(12)} ${String(requests).padStart(10)} ${String(failed).padStart(8)} ${share.padStart(10)} ${formatGiB(aheadBytes).padStart(15)} ${formatGiB(fetchedBytes).padStart(16)} ${ofAll.padStart(14)}\n`
}

function formatGiB(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
