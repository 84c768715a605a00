import { toPinyonError } from '../model/errors.ts'
import type { Source } from './source-list.ts'
import type { WatchedRequest } from './source-watch.ts'

/** A body whose end its source's health hears of, and how long it took. */
export async function* watchBody(
  body: AsyncIterable<Uint8Array>,
  source: Source,
  now: () => number,
  request: WatchedRequest,
): AsyncIterable<Uint8Array> {
  let bytes = 0
  let waitedMs = 0
  let askedAt = now()
  let failure: ReturnType<typeof toPinyonError> | undefined
  try {
    for await (const chunk of body) {
      waitedMs += now() - askedAt
      bytes += chunk.length
      request.received(chunk.length)
      yield chunk
      askedAt = now()
    }
  } catch (error) {
    failure = toPinyonError(error)
    if (failure.kind.source === 'upstream') {
      source.pace.failed()
      source.health.failed(failure)
    }
    throw error
  } finally {
    request.ended(failure)
  }
  deliver(source, bytes, waitedMs)
}

/** Takes note of what a source gave whole. @param waitedMs how long it was waited for in all */
export function deliver({ health, pace }: Source, bytes: number, waitedMs: number): void {
  health.delivered()
  pace.delivered(bytes, waitedMs)
}
