import { runCommand, type RunResult } from './bisect-run.ts'
import { beginSearch, candidates, learn, nextPlace, runsLeft, type Search } from './bisect-search.ts'

/** What a bisection works on. */
export interface BisectTask {
  readonly mirror: string
  /** Names of snapshots from the good to the bad one; at least two. */
  readonly steps: readonly string[]
  /** What the base URL of a snapshot ends in. */
  readonly pathOf: (snapshot: string) => string
  /** For sh. */
  readonly command: string
  /** The server's URL, no trailing slash. */
  readonly base: string
  readonly signal: AbortSignal
  /** Whether a snapshot has not been retired meanwhile. */
  readonly isThere: (snapshot: string) => Promise<boolean>
  readonly say: (line: string) => void
}

/** One run of the command, in the words of `--json`. */
export interface BisectRun {
  readonly snapshot: string
  readonly verdict: RunResult['verdict']
  /** Null when a signal ended it, or it was not run as the snapshot is gone. */
  readonly exit: number | null
  readonly signal: string | null
  readonly ms: number
}

/** How a bisection ended, in the words of `--json`. */
export interface BisectReport {
  readonly mirror: string
  readonly good: string
  readonly bad: string
  /** `undecided`: between the last good and the first bad one all were skipped. */
  readonly outcome: 'found' | 'undecided' | 'stopped'
  /** Null unless found. */
  readonly first_bad: string | null
  readonly last_good: string
  /** Those of which one is the first bad one. */
  readonly candidates: readonly string[]
  readonly runs: readonly BisectRun[]
}

/** One bisection: runs the command for one snapshot after the other until it is known which was the first bad one. */
export class BisectSession {
  readonly #task: BisectTask
  readonly #runs: BisectRun[] = []

  constructor(task: BisectTask) {
    this.#task = task
  }

  /** Runs the command for both ends; false when they are not what they are said to be. */
  async checkEnds(): Promise<boolean> {
    const { steps } = this.#task
    return (await this.#check(steps[0] ?? '', 'good')) && (await this.#check(steps.at(-1) ?? '', 'bad'))
  }

  /** Searches to the end. */
  async run(): Promise<BisectReport> {
    const { steps } = this.#task
    let search = beginSearch(steps.length - 1)
    for (;;) {
      const place = nextPlace(search)
      if (place === undefined) return this.#report(search, false)
      this.#task.say(`${steps[place]}: ${countLeft(search)}`)
      const { verdict } = await this.#try(steps[place] ?? '')
      if (verdict === 'stopped') return this.#report(search, true)
      search = learn(search, place, verdict)
    }
  }

  async #check(snapshot: string, expected: 'good' | 'bad'): Promise<boolean> {
    this.#task.say(`${snapshot}: said to be ${expected}`)
    const { verdict } = await this.#try(snapshot)
    if (verdict !== expected) this.#task.say(`${snapshot} was said to be ${expected}, and is: ${verdict}`)
    return verdict === expected
  }

  async #try(snapshot: string): Promise<BisectRun> {
    const { mirror, base, pathOf, command, signal, isThere, say } = this.#task
    const startedAt = performance.now()
    const there = await isThere(snapshot)
    const url = base + pathOf(snapshot)
    const environment = { PINYON_MIRROR: mirror, PINYON_SNAPSHOT: snapshot, PINYON_BASEURL: url }
    const result: RunResult = there
      ? await runCommand(command, environment, signal)
      : { verdict: 'skip', exit: undefined, signal: undefined }
    const run: BisectRun = {
      snapshot,
      verdict: result.verdict,
      exit: result.exit ?? null,
      signal: result.signal ?? null,
      ms: Math.round(performance.now() - startedAt),
    }
    this.#runs.push(run)
    say(`${snapshot}: ${run.verdict}${there ? describeEnd(run) : ' (it is gone by now)'}`)
    return run
  }

  #report(search: Search, stopped: boolean): BisectReport {
    const { mirror, steps } = this.#task
    const names = candidates(search).map((place) => steps[place] ?? '')
    const outcome = stopped ? 'stopped' : names.length === 1 ? 'found' : 'undecided'
    return {
      mirror,
      good: steps[0] ?? '',
      bad: steps.at(-1) ?? '',
      outcome,
      first_bad: outcome === 'found' ? (names[0] ?? null) : null,
      last_good: steps[search.good] ?? '',
      candidates: names,
      runs: this.#runs,
    }
  }
}

function countLeft(search: Search): string {
  const left = runsLeft(search)
  return `${candidates(search).length} candidates, ${left} ${left === 1 ? 'run' : 'runs'} left`
}

function describeEnd({ exit, signal }: BisectRun): string {
  if (exit === null) return ` (${signal ?? 'not run'})`
  // What no shell finds is bad for every snapshot, and then means nothing.
  const hint = exit === 127 ? ', which is what sh says when it cannot find a command' : ''
  return ` (exit ${exit}${hint})`
}
