import { PROMISES, type Promised } from './promised.ts'

/** A promise that was not kept. */
class Violation extends Error {
  readonly promise: Promised

  constructor(promise: Promised, message: string) {
    super(message)
    this.promise = promise
  }
}

/** As many of the last things that were done are told with a violation. */
const REMEMBERED = 60

/** Counts what was done and what was looked at; ends with the first promise that is not kept. */
export class Judge {
  readonly checks = new Map<Promised, number>(PROMISES.map((promise) => [promise, 0]))
  readonly done = new Map<string, number>()
  /** The first promise that was not kept. */
  violation: Violation | undefined
  readonly #startedAt = performance.now()
  readonly #journal: string[] = []

  /** What was done last, with the seconds since the start. */
  get journal(): readonly string[] {
    return this.#journal
  }

  /** Counts something that was done; what only readers do is not told with a violation. */
  count(kind: string, what?: string): void {
    this.done.set(kind, (this.done.get(kind) ?? 0) + 1)
    if (what === undefined) return
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(2)
    this.#journal.push(`${seconds} s: ${kind} ${what}`)
    if (this.#journal.length > REMEMBERED) this.#journal.shift()
  }

  /** Ends with what nobody expected. */
  fail(error: unknown): void {
    if (error instanceof Violation) this.violation ??= error
    else this.violation ??= new Violation('the server lives, and answers who looks after it', describe(error))
  }

  /** Looks at a promise. Throws a {@link Violation} when it is not kept. */
  expect(promise: Promised, isKept: boolean, describe: () => string): void {
    this.checks.set(promise, (this.checks.get(promise) ?? 0) + 1)
    if (isKept) return
    this.violation ??= new Violation(promise, describe())
    throw this.violation
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
