import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import { PinyonError } from '../model/errors.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { SnapshotView } from '../proxy/api-mirrors.ts'
import type { DiffView } from '../snapshot/diff/diff-document.ts'
import { baseUrl } from './base-url.ts'
import { BisectSession, type BisectReport } from './bisect-session.ts'
import { readDiff } from './diff.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { formatDiff, formatSummary } from './format-diff.ts'
import { findListening } from './listening.ts'
import { openMirrorSource } from './mirror-source.ts'
import { formatJson, toPrintable } from './table.ts'

/** Options of `bisect`. */
export interface BisectOptions extends Options {
  /** For sh. */
  readonly run: string
  readonly base?: string
  readonly checkEnds?: boolean
}

/** The ends of a bisection: names of snapshots, `current` or `newest`. */
export interface BisectEnds {
  readonly good: string
  readonly bad: string
}

/** Up to so many changes are printed, rather than the command that shows them. */
const MAX_PRINTED_CHANGES = 20

/**
 * Finds the first snapshot, on the way from a good to a bad one, for which a command fails. Exits 1 when it was stopped or the ends are not
 * what they are said to be, 3 when only skipped ones are left to choose from.
 */
export async function bisectMirror(
  mirror: string,
  { good, bad }: BisectEnds,
  options: BisectOptions,
): Promise<ExitCode> {
  const base = await findBase(options)
  const steps = await findSteps(mirror, good, bad, options)
  if (steps.length < 2) {
    process.stderr.write(`good and bad are one snapshot: ${steps[0]?.name}\n`)
    return EXIT.usage
  }
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  try {
    const session = new BisectSession({
      mirror,
      steps: steps.map(({ name }) => name),
      pathOf: (snapshot) => steps.find(({ name }) => name === snapshot)?.path ?? '',
      command: options.run,
      base,
      signal: stop.signal,
      isThere: (snapshot) => isThere(mirror, snapshot, options),
      say: (line) => void process.stderr.write(`${toPrintable(line)}\n`),
    })
    if (options.checkEnds === true && !(await session.checkEnds())) return EXIT.failed
    const report = await session.run()
    await printReport(report, options)
    return { found: EXIT.done, undecided: EXIT.nothing, stopped: EXIT.failed }[report.outcome]
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

async function findBase(options: BisectOptions): Promise<string> {
  const named = options.base ?? options.server
  if (named !== undefined) return named.replace(/\/+$/, '')
  const config = loadConfig(options.config, process.env, LEAVING_IDENTITIES)
  const listening = config.publicUrl === undefined ? await findListening(config) : undefined
  if (listening?.port === 0)
    throw new PinyonError(
      'CONFIG_INVALID',
      `the server's port is left to the system by ${config.file}: tell --base`,
    )
  const base = baseUrl(config, listening)
  if (base === undefined)
    throw new PinyonError('CONFIG_INVALID', 'the server listens on a Unix socket: tell --base')
  return base
}

/** The snapshots from the good to the bad one, both included. */
async function findSteps(
  mirror: string,
  good: string,
  bad: string,
  options: Options,
): Promise<SnapshotView[]> {
  const oldestFirst = (await readSnapshots(mirror, options)).toReversed()
  const from = findStep(mirror, oldestFirst, good)
  const to = findStep(mirror, oldestFirst, bad)
  return from <= to ? oldestFirst.slice(from, to + 1) : oldestFirst.slice(to, from + 1).toReversed()
}

function findStep(mirror: string, oldestFirst: readonly SnapshotView[], asked: string): number {
  const found = oldestFirst.findIndex(
    ({ name, current }, index) =>
      name === asked ||
      (asked === 'current' && current) ||
      (asked === 'newest' && index === oldestFirst.length - 1),
  )
  if (found >= 0) return found
  const names = oldestFirst.map(({ name }) => name)
  const known =
    names.length === 0 ? 'it has none' : `the nearest are ${nearestNames(asked, names).join(', ')}`
  throw new PinyonError('NOT_FOUND', `${mirror} has no snapshot ${JSON.stringify(asked)}: ${known}`)
}

/** Newest first. Asked anew each time: the server may be another one by then. */
async function readSnapshots(mirror: string, options: Options): Promise<readonly SnapshotView[]> {
  const source = await openMirrorSource(options)
  try {
    const path = `mirrors/${encodeURIComponent(mirror)}/snapshots`
    return (await source.get<{ snapshots: SnapshotView[] }>(path)).snapshots
  } finally {
    await source.close()
  }
}

/** Whether a snapshot has not been retired meanwhile. Other trouble must not end a search of hours: the command will meet it. */
async function isThere(mirror: string, snapshot: string, options: Options): Promise<boolean> {
  try {
    return (await readSnapshots(mirror, options)).some(({ name }) => name === snapshot)
  } catch (error) {
    return !(error instanceof PinyonError) || error.code !== 'NOT_FOUND'
  }
}

async function printReport(report: BisectReport, options: Options): Promise<void> {
  const diff = report.first_bad === null ? undefined : await readChanges(report, options)
  if (options.json === true) {
    const document = { ...report, changes: diff?.summary ?? null }
    process.stdout.write(`${formatJson(document, 2)}\n`)
  } else process.stdout.write(formatReport(report, diff))
}

/** What changed from the last good to the first bad snapshot; undefined when that cannot be told, which takes nothing from what was found. */
async function readChanges(report: BisectReport, options: Options): Promise<DiffView | undefined> {
  try {
    const source = await openMirrorSource(options)
    try {
      const range = { from: report.last_good, to: report.first_bad ?? report.bad }
      return await readDiff(source, report.mirror, range)
    } finally {
      await source.close()
    }
  } catch (error) {
    process.stderr.write(`what changed cannot be told: ${toPrintable((error as Error).message)}\n`)
    return undefined
  }
}

function formatReport(report: BisectReport, diff: DiffView | undefined): string {
  const { mirror, first_bad: firstBad, last_good: lastGood, runs, candidates } = report
  const back = `pinyon pin ${mirror} ${lastGood}`
  if (firstBad === null) {
    const left = candidates.map((name) => `  ${name}\n`).join('')
    const why = report.outcome === 'stopped' ? 'Stopped' : 'What was skipped hides it'
    return `${why}: the first bad snapshot is one of\n${left}The last that is known to be good: ${lastGood}\n`
  }
  const lines = [`first bad  ${firstBad}`, `last good  ${lastGood}`, `runs       ${runs.length}`]
  const changes = diff === undefined ? 0 : Object.values(diff.summary).reduce((sum, count) => sum + count, 0)
  const shown =
    diff === undefined
      ? ''
      : changes <= MAX_PRINTED_CHANGES
        ? `\n${formatDiff(diff)}`
        : `\n${formatSummary(diff.summary)}\n`
  const next = [`pinyon diff ${mirror} ${lastGood} ${firstBad}`, `${back} --why '...'`]
  return `${lines.join('\n')}\n${shown}\nWhat changed, and how to go back until unpin:\n${next.map((line) => `  ${line}\n`).join('')}`
}
