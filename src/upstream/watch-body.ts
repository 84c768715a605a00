import { toPinyonError } from '../model/errors.ts'
import type { Source } from './source-list.ts'
import type { WatchedRequest } from './source-watch.ts'
import { TappedBody, type BodyTap } from './tapped-body.ts'

/** A body whose end its source's health hears of, and how long it took. */
export function watchBody(
  body: AsyncIterable<Uint8Array>,
  source: Source,
  now: () => number,
  request: WatchedRequest,
): AsyncIterable<Uint8Array> {
  let bytes = 0
  let waitedMs = 0
  const tap: BodyTap = {
    bytes: (count, ms) => {
      waitedMs += ms
      bytes += count
      request.received(count)
      return undefined
    },
    end: () => {
      request.ended(undefined)
      deliver(source, bytes, waitedMs)
    },
    fail: (error) => {
      const failure = toPinyonError(error)
      if (failure.kind.source === 'upstream') {
        source.pace.failed()
        source.health.failed(failure)
      }
      request.ended(failure)
      return error
    },
    left: () => request.ended(undefined),
  }
  return new TappedBody(body, tap, now)
}

/** Takes note of what a source gave whole. @param waitedMs how long it was waited for in all */
export function deliver({ health, pace }: Source, bytes: number, waitedMs: number): void {
  health.delivered()
  pace.delivered(bytes, waitedMs)
}
