import { Signal } from '../../src/system/signal.ts'
import type { FillSource } from '../../src/cache/source-race.ts'

/** A body whose bytes come when a test says so. */
export class ScriptedBody implements AsyncIterable<Uint8Array> {
  /** Whether the iteration has ended, from either side. */
  ended = false
  /** Resolves when somebody begins to read it: by then the fill has a file for it. */
  readonly begun: Promise<void>
  readonly #begin: () => void
  readonly #changed = new Signal()
  readonly #chunks: Uint8Array[] = []
  #end: { error?: Error } | undefined

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.begun = promise
    this.#begin = resolve
  }

  /** Hands over more bytes. */
  push(...chunks: readonly Uint8Array[]): this {
    this.#chunks.push(...chunks)
    this.#changed.notify()
    return this
  }

  /** Ends the body, after what was pushed. */
  end(): this {
    this.#end = {}
    this.#changed.notify()
    return this
  }

  /** Breaks the body off, after what was pushed. */
  fail(error: Error): this {
    this.#end = { error }
    this.#changed.notify()
    return this
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    this.#begin()
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) yield chunk
        else if (this.#end?.error !== undefined) throw this.#end.error
        else if (this.#end !== undefined) return
        else await this.#changed.wait()
      }
    } finally {
      this.ended = true
    }
  }
}

/** A source that gives one body, or error, an attempt, and counts. */
export interface ScriptedSource {
  readonly open: FillSource
  /** The attempts asked for so far, by the number they came with. */
  readonly attempts: readonly number[]
  /** Resolves when so many were asked for. */
  readonly asked: (count: number) => Promise<void>
}

/** A source of these bodies, in order; it fails the fill when there is no further one. An aborted fill fails its body. */
export function createSource(...bodies: readonly (ScriptedBody | Error)[]): ScriptedSource {
  const attempts: number[] = []
  const changed = new Signal()
  return {
    attempts,
    asked: async (count) => {
      while (attempts.length < count) await changed.wait()
    },
    open: async (attempt, signal) => {
      const body = bodies[attempts.length] ?? new Error(`no body was scripted for attempt ${attempts.length}`)
      attempts.push(attempt)
      changed.notify()
      if (body instanceof Error) throw body
      signal.addEventListener('abort', () => body.fail(signal.reason as Error), { once: true })
      return body
    },
  }
}

/** A body that comes whole. */
export function wholeBody(bytes: Uint8Array): ScriptedBody {
  return new ScriptedBody().push(bytes).end()
}
