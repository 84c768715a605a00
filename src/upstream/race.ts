/** How a {@link race} is run. */
export interface RaceOptions<Runner, Result> {
  /** Asks one runner. The signal ends what lost. */
  readonly run: (runner: Runner, signal: AbortSignal) => Promise<Result>
  /** How long a runner is waited for before the next one runs beside it, in milliseconds. */
  readonly headStartMs: (runner: Runner) => number
  readonly signal: AbortSignal | undefined
  /** Told of each that was waited for until others ran beside it, when one of these has won. */
  readonly onOvertaken?: (runner: Runner) => void
  /** Gives up what came too late. */
  readonly discard: (result: Result) => void
}

/**
 * Asks one runner after the other, the next one as soon as the last fails or is late; the first result wins, and the others are ended.
 * Undefined when all of them failed: whoever runs them takes note of why.
 * @throws the signal's reason
 */
export async function race<Runner, Result>(
  runners: readonly Runner[],
  options: RaceOptions<Runner, Result>,
): Promise<Result | undefined> {
  const { run, headStartMs, signal, discard, onOvertaken } = options
  const [only] = runners
  if (only === undefined) return undefined
  if (runners.length === 1) return await runAlone(only, run, signal)
  const left = [...runners]
  const running = new Map<AbortController, Runner>()
  const late = new Set<Runner>()
  const { promise, resolve, reject } = Promise.withResolvers<Result | undefined>()
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  const end = (settle: () => void) => {
    isOver = true
    clearTimeout(timer)
    for (const abort of running.keys()) abort.abort()
    settle()
  }
  const ask = async (runner: Runner) => {
    const abort = new AbortController()
    running.set(abort, runner)
    try {
      const own = signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal])
      const result = await run(runner, own)
      running.delete(abort)
      if (isOver) discard(result)
      else {
        for (const other of running.values()) if (late.has(other)) onOvertaken?.(other)
        end(() => resolve(result))
      }
    } catch {
      running.delete(abort)
      if (isOver) return
      if (signal?.aborted === true) end(() => reject(signal.reason as Error))
      else if (left.length > 0) askNext()
      else if (running.size === 0) end(() => resolve(undefined))
    }
  }
  const askNext = () => {
    clearTimeout(timer)
    const runner = left.shift()
    if (isOver || runner === undefined) return
    const rival = () => {
      late.add(runner)
      askNext()
    }
    if (left.length > 0) timer = setTimeout(rival, headStartMs(runner))
    void ask(runner)
  }
  askNext()
  return await promise
}

/** What has no rival is ended by nobody but whoever asked for it. */
async function runAlone<Runner, Result>(
  runner: Runner,
  run: RaceOptions<Runner, Result>['run'],
  signal: AbortSignal = new AbortController().signal,
): Promise<Result | undefined> {
  try {
    return await run(runner, signal)
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
