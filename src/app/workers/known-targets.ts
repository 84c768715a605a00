import { LRUCache } from 'lru-cache'

import type { FileReply } from '../../proxy/reply.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import { FILE_TARGET, type LearnedFile } from './messages.ts'

/** Memory for targets: some 20,000 of them. */
const REMEMBERED_BYTES = 16 << 20
/** What remembering one costs beside its text. */
const OVERHEAD_BYTES = 800
/** Snapshots whose description is shared by all of their files. */
const REMEMBERED_SNAPSHOTS = 1_000
/** How long a package counts as signed without asking, in milliseconds. */
const EXPIRES_MS = 60_000
/** Targets that may be asked for at a time; who comes beyond them is for the first process. */
const MAX_ASKED = 1_024

/** Which files targets name, as the first process tells: it alone reads the database. */
export class KnownTargets {
  readonly #ask: (target: string) => void
  readonly #files = new LRUCache<string, FileReply>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: (_, target) => target.length + OVERHEAD_BYTES,
  })
  readonly #snapshots = new LRUCache<number, Snapshot>({ max: REMEMBERED_SNAPSHOTS })
  readonly #asked = new Map<string, PromiseWithResolvers<FileReply | undefined>>()

  /** @param ask asks for a target; {@link learn} is to be called with the answer */
  constructor(ask: (target: string) => void) {
    this.#ask = ask
  }

  /** The file, if it is known. */
  peek(target: string): FileReply | undefined {
    return this.#files.get(target)
  }

  /** The file, which is asked for unless it is known; undefined for what a worker does not answer. */
  async find(target: string): Promise<FileReply | undefined> {
    const known = this.#files.get(target)
    if (known !== undefined || !FILE_TARGET.test(target)) return known
    const asked = this.#asked.get(target)
    if (asked !== undefined) return await asked.promise
    if (this.#asked.size >= MAX_ASKED) return undefined
    const asking = Promise.withResolvers<FileReply | undefined>()
    this.#asked.set(target, asking)
    this.#ask(target)
    return await asking.promise
  }

  /** Takes up an answer. */
  learn(target: string, learned: LearnedFile | undefined): void {
    const file = learned === undefined ? undefined : this.#shareSnapshot(learned.file)
    if (file !== undefined)
      this.#files.set(target, file, learned?.expires === true ? { ttl: EXPIRES_MS } : {})
    this.#asked.get(target)?.resolve(file)
    this.#asked.delete(target)
  }

  /** Forgets everything: snapshots are gone, or their rules are others. */
  forget(): void {
    this.#files.clear()
    this.#snapshots.clear()
  }

  #shareSnapshot(file: FileReply): FileReply {
    const { snapshot } = file
    const known = this.#snapshots.get(snapshot.id) ?? snapshot
    this.#snapshots.set(snapshot.id, known)
    return { ...file, snapshot: known }
  }
}
