import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { MirrorState, SnapshotReader } from '../snapshot/store.ts'

/** Reading the state of a thousand mirrors takes some ten milliseconds: whoever asks for names that do not exist costs that once a second. */
const FRESH_MS = 1_000

/** What is said of mirrors and snapshots that cannot be shown, with the way out. */
export class MissingMirrors {
  readonly #snapshots: Pick<SnapshotReader, 'mirrors' | 'snapshots' | 'retiredAt'>
  #states: Promise<readonly MirrorState[]> | undefined
  #readAt = Number.NEGATIVE_INFINITY

  constructor(snapshots: Pick<SnapshotReader, 'mirrors' | 'snapshots' | 'retiredAt'>) {
    this.#snapshots = snapshots
  }

  /**
   * Why a mirror has nothing to show: NOT_FOUND when there is none of the name in the index, with those that may be meant; NOT_READY when its
   * first sync has not come to a snapshot yet, with why.
   */
  async mirror(name: string): Promise<PinyonError> {
    const states = await this.#read()
    const state = states.find((one) => one.name === name)
    const known = states.filter(({ listed }) => listed).map((one) => one.name)
    if (state === undefined) return noSuchMirror(name, known)
    if (!state.listed)
      return new PinyonError('NOT_FOUND', `no mirror of the index, as it is disabled or removed: ${name}`)
    const { error = 'no sync of it has ended' } = state
    return new PinyonError(
      'NOT_READY',
      `${name} has no snapshot yet, ask again or see pinyon status: ${error}`,
    )
  }

  /** Why there is no such snapshot: NOT_FOUND, with what became of it or may be meant; else as {@link mirror}. */
  async snapshot(mirror: string, name: string): Promise<PinyonError> {
    const retiredAt = await this.#snapshots.retiredAt(mirror, name)
    if (retiredAt !== undefined) {
      const at = new Date(retiredAt).toISOString()
      return new PinyonError(
        'NOT_FOUND',
        `${mirror} has no snapshot any more, it was retired at ${at}: ${name}`,
      )
    }
    const names = (await this.#snapshots.snapshots(mirror)).map((one) => one.name)
    if (names.length === 0) return await this.mirror(mirror)
    const nearest = nearestNames(name, names).join(', ')
    return new PinyonError('NOT_FOUND', `${mirror} has no snapshot, the nearest are ${nearest}: ${name}`)
  }

  /** Forgets which mirrors there are, as they are others now. */
  forget(): void {
    this.#states = undefined
  }

  async #read(): Promise<readonly MirrorState[]> {
    const now = performance.now()
    if (this.#states === undefined || now - this.#readAt > FRESH_MS) {
      this.#readAt = now
      this.#states = this.#snapshots.mirrors()
    }
    return await this.#states
  }
}
