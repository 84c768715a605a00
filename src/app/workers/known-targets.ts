import { LRUCache } from 'lru-cache'

import type { FileReply } from '../../proxy/reply.ts'
import { isIndexTarget, RollingReplies, type RollingReply } from '../../proxy/rolling-replies.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import { NO_OPTIONS } from '../../system/no-options.ts'
import { toBuffer } from './hand-over.ts'
import { isForWorkers, type AskedTarget, type LearnedReply } from './messages.ts'

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

/** How targets are asked for, and the generation that the index is at. */
export interface TargetSource {
  /** Asks for one; {@link KnownTargets.learn} is to be called with the answer. */
  readonly ask: (asked: AskedTarget) => void
  /** Undefined while it cannot be said. */
  readonly generation: () => number | undefined
}

/** What targets name, as the first process tells. */
export class KnownTargets {
  readonly #source: TargetSource
  readonly #files = new LRUCache<string, FileReply>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: (_, target) => target.length + OVERHEAD_BYTES,
  })
  /** By the host instead of what URLs begin with: only the first process knows what becomes of it. */
  readonly #rolling: RollingReplies
  readonly #snapshots = new LRUCache<number, Snapshot>({ max: REMEMBERED_SNAPSHOTS })
  readonly #asked = new Map<string, PromiseWithResolvers<RollingReply | undefined>>()

  constructor(source: TargetSource) {
    this.#source = source
    this.#rolling = new RollingReplies(source.generation)
  }

  /** What is to be answered, if it is known. @param isJustRead as {@link RollingReplies.peek} has it */
  peek(target: string, host: string, isJustRead = false): RollingReply | undefined {
    return this.#files.get(target, NO_OPTIONS) ?? this.#rolling.peek(target, host, isJustRead)
  }

  /** What is to be answered, which is asked for unless it is known; undefined for what a worker does not answer. */
  async find(asked: AskedTarget): Promise<RollingReply | undefined> {
    const known = this.peek(asked.target, asked.host)
    if (known !== undefined || !isForWorkers(asked.target)) return known
    const key = keyOf(asked)
    const before = this.#asked.get(key)
    if (before !== undefined) return await before.promise
    if (this.#asked.size >= MAX_ASKED) return undefined
    const asking = Promise.withResolvers<RollingReply | undefined>()
    this.#asked.set(key, asking)
    this.#source.ask(asked)
    return await asking.promise
  }

  /** Takes up an answer. */
  learn(asked: AskedTarget, learned: LearnedReply | undefined): void {
    const reply = learned === undefined ? undefined : this.#takeUp(learned.reply)
    if (reply !== undefined && learned?.generation !== undefined)
      this.#rolling.remember(asked.target, asked.host, { generation: learned.generation, reply })
    else if (reply?.kind === 'file')
      this.#files.set(asked.target, reply, learned?.expires === true ? { ttl: EXPIRES_MS } : {})
    const key = keyOf(asked)
    this.#asked.get(key)?.resolve(reply)
    this.#asked.delete(key)
  }

  /** Forgets everything: snapshots are gone, or their rules are others. */
  forget(): void {
    this.#files.clear()
    this.#rolling.forget()
    this.#snapshots.clear()
  }

  /** As it was before it came from another process; files share what is said of their snapshot. */
  #takeUp(reply: RollingReply): RollingReply {
    if (reply.kind === 'file') return { ...reply, snapshot: this.#share(reply.snapshot) }
    const { snapshot } = reply
    const text = { ...reply, body: toBuffer(reply.body) ?? reply.body }
    return snapshot === undefined ? text : { ...text, snapshot: this.#share(snapshot) }
  }

  #share(snapshot: Snapshot): Snapshot {
    const known = this.#snapshots.get(snapshot.id) ?? snapshot
    this.#snapshots.set(snapshot.id, known)
    return known
  }
}

function keyOf({ target, host }: AskedTarget): string {
  return isIndexTarget(target) ? `${host} ${target}` : target
}
