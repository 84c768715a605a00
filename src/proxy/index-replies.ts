import { LRUCache } from 'lru-cache'

import type { Index } from '../snapshot/store.ts'
import { formatIndex, indexContentType, type IndexFormat } from './index-formats.ts'
import { createTextReply, type TextReply } from './reply.ts'

/** Formatted indexes remembered: formats × names this server goes by. */
const REMEMBERED_INDEXES = 64
/** Mirrors named in a header, of which some clients take no more than 8 KiB. */
const MAX_NAMED = 32

/** Indexes as they are answered: that of a generation never changes, so each is written once. */
export class IndexReplies {
  readonly #known = new LRUCache<string, TextReply>({ max: REMEMBERED_INDEXES })

  /** @param base what index URLs begin with */
  reply(index: Index, format: IndexFormat, base: string): TextReply {
    const known = this.known(index.generation, format, base)
    if (known !== undefined) return known
    const text = createTextReply(indexContentType(format), formatIndex(index, format, base))
    const left = [...index.current.values()].filter(({ xmlBase }) => xmlBase === 'left')
    const elsewhere = left.slice(0, MAX_NAMED).map(({ mirror }) => mirror)
    const reply = elsewhere.length === 0 ? text : { ...text, elsewhere }
    this.#known.set(keyOf(index.generation, format, base), reply)
    return reply
  }

  /** A generation's index that was answered before: it need not be read again. */
  known(generation: number, format: IndexFormat, base: string): TextReply | undefined {
    return this.#known.get(keyOf(generation, format, base))
  }
}

function keyOf(generation: number, format: IndexFormat, base: string): string {
  return `${generation} ${format} ${base}`
}
