import { LRUCache } from 'lru-cache'

import { NO_OPTIONS } from '../system/no-options.ts'
import type { FileReply, TextReply } from './reply.ts'

/** Memory for answers: some 10,000 of them, or a few hundred indexes of a large farm. */
const REMEMBERED_BYTES = 8 << 20
/** What remembering one costs beside its text. */
const OVERHEAD_BYTES = 800

/** An answer that may be another one after the next publication. */
export type RollingReply = FileReply | TextReply

/** An answer, and the generation that it holds at. */
export interface RememberedReply {
  readonly generation: number
  readonly reply: RollingReply
}

const INDEX = '/repos/yum/all_latest.'

/** Whether a target, as it was sent, is remembered together with what URLs begin with. */
export function isIndexTarget(target: string): boolean {
  return target.startsWith(INDEX)
}

/** What an answer is remembered by. @param base what URLs in it begin with, or what says that: only indexes have such URLs */
function keyOf(target: string, base: string | undefined): string {
  return isIndexTarget(target) ? `${base} ${target}` : target
}

/**
 * Answers that hold as long as the index is at the generation that they are of: which one that is is looked up for each request, whoever
 * publishes, pins or rolls back, in whichever process. Nobody has to say that anything has changed.
 */
export class RollingReplies {
  readonly #generation: () => number | undefined
  readonly #replies = new LRUCache<string, RememberedReply>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ reply }, key) =>
      key.length + OVERHEAD_BYTES + (reply.kind === 'text' ? reply.body.length : 0),
  })
  /** For all that is read in one turn of the event loop: all of it was sent before the first look. */
  #current: number | undefined
  readonly #forgetCurrent = (): void => {
    this.#current = undefined
  }

  /** @param generation looks up the newest one; undefined where it cannot be said */
  constructor(generation: () => number | undefined) {
    this.#generation = generation
  }

  /**
   * The answer to a target, if it was remembered at the generation of now.
   * @param isJustRead whether this is called as the request is read, with others: one look is enough for these. What runs at any other time
   * of a turn may do so long before the requests that are read next are sent
   */
  peek(target: string, base: string | undefined, isJustRead = false): RollingReply | undefined {
    const known = this.#replies.get(keyOf(target, base), NO_OPTIONS)
    if (known === undefined) return undefined
    return known.generation === (isJustRead ? this.#lookOnce() : this.#look()) ? known.reply : undefined
  }

  /** What was remembered last of a target, whether it holds still or not. */
  last(target: string, base: string | undefined): RememberedReply | undefined {
    return this.#replies.peek(keyOf(target, base))
  }

  /** Remembers the answer that a target has while the index is at this generation. */
  remember(target: string, base: string | undefined, remembered: RememberedReply): void {
    this.#replies.set(keyOf(target, base), remembered)
  }

  /** Forgets all. */
  forget(): void {
    this.#replies.clear()
  }

  #lookOnce(): number | undefined {
    if (this.#current === undefined) {
      setImmediate(this.#forgetCurrent)
      this.#current = this.#look()
    }
    return this.#current
  }

  #look(): number | undefined {
    try {
      return this.#generation()
    } catch {
      // A database that cannot be read is for whoever makes the answer anew to tell of.
      return undefined
    }
  }
}
