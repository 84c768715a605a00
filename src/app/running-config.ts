import type { Config } from '../config/config.ts'
import { ConfigError, type ConfigProblem } from '../config/problem.ts'
import { ACTORS } from '../model/actor.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import type { ConfigurationProblem, ConfigurationState } from '../proxy/api-context.ts'
import type { ChangeOrigin, ListedMirror, SnapshotStore } from '../snapshot/store.ts'
import type { Logger } from '../system/logger.ts'
import { refuseRestart } from './mirrors.ts'

/** What is no fault of the configuration is over by itself at some time, as a full disk is, and nobody saves the file again for that; in milliseconds. */
const RETRY_MS = 10_000

/** What a {@link RunningConfig} is built from. */
export interface RunningConfigOptions {
  readonly config: Config
  /** Reads the configuration anew, or this text of it; without it the first one stays. */
  readonly load: ((text?: string) => Config) | undefined
  readonly store: Pick<SnapshotStore, 'reconcile'>
  readonly now: () => number
  readonly log: Logger
  /** Swaps what depends on the configuration; the index is in line with it already. */
  readonly adopt: (config: Config, before: Config, actor: string) => Promise<void>
  /** Told whether a configuration was taken up. */
  readonly onTaken: (accepted: boolean) => void
  /** Aborted when the server ends. */
  readonly signal: AbortSignal
}

/** How a configuration is taken up. */
export interface TakeOptions {
  readonly origin?: ChangeOrigin
  /** What was put into the file: others may have saved more by now. What is there unless told. */
  readonly text?: string
  /** Whether no mirror at all is meant. */
  readonly mayBeEmpty?: boolean
  /** Whether nobody asked for it: what fails in the same way again is no news for the log. */
  readonly isRetry?: boolean
}

/** The configuration that runs, and the one way to another: one at a time, each all of it or nothing. */
export class RunningConfig {
  readonly #options: RunningConfigOptions
  #current: Config
  #refusal: string | undefined
  #problems: readonly ConfigProblem[] = []
  #last: Promise<unknown> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined

  constructor(options: RunningConfigOptions) {
    this.#options = options
    this.#current = options.config
  }

  get current(): Config {
    return this.#current
  }

  /** Why the configuration on disk is not the running one. */
  get refusal(): string | undefined {
    return this.#refusal
  }

  /** The same, with where in the file, as pages and API tell it. */
  get state(): ConfigurationState {
    const { file } = this.#current
    return { error: this.#refusal, file, problems: this.#problems.map(toPlace) }
  }

  /** Brings the index in line with the first configuration. Throws ConfigError for an unknown pin. */
  async apply(): Promise<void> {
    await this.#reconcile(this.#current, undefined)
  }

  /** Runs one thing at a time, in the order of the calls: whatever reads, edits or takes up the configuration. */
  exclusively<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action)
    this.#last = result.catch(() => undefined)
    return result
  }

  /**
   * Reads the configuration anew and makes it the running one; only within {@link exclusively}. What fails though it is valid is tried again until
   * it succeeds, or another one is taken up.
   * @returns the generation that it began
   * @throws ConfigError for one that is invalid, pins what is not there, or wants what only a restart can give
   */
  async take(options: TakeOptions = {}): Promise<number | undefined> {
    const { origin, text, mayBeEmpty = false, isRetry = false } = options
    const { load, adopt, log, onTaken } = this.#options
    const before = this.#current
    clearTimeout(this.#retry)
    try {
      const config = load?.(text) ?? before
      refuseRestart(before, config, mayBeEmpty)
      const generation = await this.#reconcile(config, origin)
      this.#current = config
      await adopt(config, before, origin?.actor ?? ACTORS.configuration)
      this.#refusal = undefined
      this.#problems = []
      onTaken(true)
      log.info({ file: config.file, mirrors: config.mirrors.size }, 'configuration')
      return generation
    } catch (error) {
      const { code, message } = toPinyonError(error)
      const isNews = !isRetry || message !== this.#refusal
      if (code !== 'CONFIG_INVALID') this.#tryAgain()
      this.#refusal = message
      this.#problems = error instanceof ConfigError ? error.problems : []
      onTaken(false)
      if (isNews) log.error({ reason: message }, 'configuration refused: the running one stays')
      throw error
    }
  }

  #tryAgain(): void {
    if (this.#options.signal.aborted) return
    const take = () => void this.exclusively(() => this.take({ isRetry: true })).catch(() => undefined)
    this.#retry = setTimeout(take, RETRY_MS).unref()
  }

  /** Lists and pins what the configuration says. */
  async #reconcile(config: Config, origin: ChangeOrigin | undefined): Promise<number | undefined> {
    const { store, now } = this.#options
    return await withListed(config, (mirrors) => store.reconcile(mirrors, now(), origin))
  }
}

/** Does something with what a configuration lists and pins; a pin to what is not there becomes an error with its line. */
export async function withListed<T>(
  config: Config,
  action: (mirrors: readonly ListedMirror[]) => Promise<T>,
): Promise<T> {
  try {
    return await action(listMirrors(config))
  } catch (error) {
    if (!(error instanceof PinyonError) || error.code !== 'PIN_UNKNOWN') throw error
    throw describeUnknownPin(config, error)
  }
}

/** Where something is wrong, without what is there. */
function toPlace({ line, key, expected }: ConfigProblem): ConfigurationProblem {
  return { line, key, expected }
}

function listMirrors(config: Config): ListedMirror[] {
  return [...config.mirrors.values()].map(({ name, enabled, pin, pinWhy }) => ({
    name,
    enabled,
    ...(pin === undefined ? {} : { pin }),
    ...(pinWhy === undefined ? {} : { pinWhy }),
  }))
}

function describeUnknownPin(config: Config, error: PinyonError): ConfigError {
  const { mirror, pin, nearest } = error.facts as { mirror: string; pin: string; nearest: string[] }
  const line = config.mirrors.get(mirror)?.pinLine
  const expected =
    nearest.length === 0
      ? 'no pin: it has no snapshot yet'
      : `one of its snapshots, such as ${nearest.join(', ')}`
  const problem = { file: config.file, key: `mirrors.${mirror}.pin`, found: pin, expected }
  return new ConfigError([line === undefined ? problem : { ...problem, line }], error)
}
