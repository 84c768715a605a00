import type { PinyonError } from '../../model/errors.ts'

/** Time as retries need it; tests have one of their own. */
export interface TryClock {
  /** Milliseconds that only go forward. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  /** From 0 to below 1. */
  readonly random: () => number
}

/** All tries of all documents of an index, in milliseconds: what the old client waited for one answer. */
export const INDEX_BUDGET_MS = 30_000
/** One try, in milliseconds: a server that hangs gets a second one. */
const TRY_MS = 15_000

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 4_000

/** Answers that a later one may differ from. */
const TRANSIENT_STATUS = new Set([202, 206, 408, 425, 429])
/** The system's and OpenSSL's words for a certificate or protocol that will not be better in a moment. */
const TLS_TROUBLE = /CERT|SELF_SIGNED|^ERR_TLS|^ERR_SSL|UNABLE_TO_(?:GET|VERIFY)/

/** What a failure is told to. */
export interface TryReport {
  readonly error: PinyonError
  readonly pauseMs: number
}

/** A failure in the end, and how it came to that. */
export interface FailedTries {
  readonly error: unknown
  readonly tries: number
  readonly elapsedMs: number
}

/**
 * Tries until it succeeds, fails for good, or the time is up; pauses double up to four seconds, each varied by half so that a farm's slaves do not come back at
 * once.
 *
 * @param deadlineMs on the clock, after which no further try begins
 * @param attempt is told how many milliseconds it has, a whole number
 */
export async function tryUntil<T>(
  clock: TryClock,
  deadlineMs: number,
  attempt: (budgetMs: number) => Promise<T>,
  onRetry: (report: TryReport) => void,
): Promise<{ readonly value: T } | FailedTries> {
  const beganMs = clock.now()
  for (let tries = 1; ; tries += 1) {
    try {
      return { value: await attempt(Math.min(TRY_MS, Math.max(1, Math.ceil(deadlineMs - clock.now())))) }
    } catch (error) {
      const usualMs = Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS)
      const pauseMs = Math.round(usualMs * (0.5 + clock.random()))
      if (!isTransient(error) || clock.now() + pauseMs >= deadlineMs)
        return { error, tries, elapsedMs: clock.now() - beganMs }
      onRetry({ error, pauseMs })
      await clock.sleep(pauseMs)
    }
  }
}

/** Whether asking the same server for the same index again can help. */
function isTransient(error: unknown): error is PinyonError {
  const { code, facts = {} } = error as Partial<PinyonError>
  if (code === 'UPSTREAM_STATUS') {
    const status = Number(facts['status'])
    return status >= 500 || TRANSIENT_STATUS.has(status)
  }
  if (code === 'UPSTREAM_UNREACHABLE') return !TLS_TROUBLE.test(codeOf((error as PinyonError).cause))
  return code === 'UPSTREAM_TIMEOUT' || code === 'UPSTREAM_SHORT' || code === 'INDEX_UNREADABLE'
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
