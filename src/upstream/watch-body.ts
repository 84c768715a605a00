import { toPinyonError } from '../model/errors.ts'
import type { Source } from './source-list.ts'

/** A body whose end its source's health hears of, and how long it took. */
export async function* watchBody(
  body: AsyncIterable<Uint8Array>,
  source: Source,
  now: () => number,
): AsyncIterable<Uint8Array> {
  let bytes = 0
  let waitedMs = 0
  let askedAt = now()
  try {
    for await (const chunk of body) {
      waitedMs += now() - askedAt
      bytes += chunk.length
      yield chunk
      askedAt = now()
    }
  } catch (error) {
    const caught = toPinyonError(error)
    if (caught.kind.source === 'upstream') {
      source.pace.failed()
      source.health.failed(caught)
    }
    throw error
  }
  deliver(source, bytes, waitedMs)
}

/** Takes note of what a source gave whole. @param waitedMs how long it was waited for in all */
export function deliver({ health, pace }: Source, bytes: number, waitedMs: number): void {
  health.delivered()
  pace.delivered(bytes, waitedMs)
}
