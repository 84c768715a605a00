import type { Outcome } from '../model/outcome.ts'
import type { UsageRecorder } from '../snapshot/usage/usage-recorder.ts'
import type { UsageClient } from '../snapshot/usage/usage-tally.ts'
import type { EndedRequest } from './ended-request.ts'

/** Somebody wanted what a snapshot has. A download that the client broke off is a use, what could not be answered is none. */
const USES: ReadonlySet<Outcome> = new Set(['hit', 'not_modified', 'fill', 'join', 'bypass', 'aborted'])

/** Whom a connection has spoken for so far. */
interface Speaker {
  readonly userAgent: string | undefined
  readonly client: UsageClient
}

/** Gives what is to be called with every request that has ended: it counts those of a snapshot as its use. */
export function createUseCounter(recorder: UsageRecorder): (ended: EndedRequest) => void {
  // Who is on the other end is looked at once a connection, as long as it goes on saying the same.
  const speakers = new WeakMap<object, Speaker>()
  return ({ snapshot, outcome, client: address, userAgent, packageName, connection, bytes }) => {
    // Also when it could not be had: the next version of it is to be.
    if (snapshot !== undefined && packageName !== undefined) recorder.recordName(snapshot, packageName)
    if (snapshot === undefined || outcome === undefined || address === undefined || !USES.has(outcome)) return
    let speaker = speakers.get(connection)
    if (speaker?.userAgent !== userAgent || speaker === undefined) {
      speaker = { userAgent, client: recorder.identify(address, userAgent) }
      speakers.set(connection, speaker)
    }
    recorder.record(snapshot, speaker.client, bytes)
  }
}
