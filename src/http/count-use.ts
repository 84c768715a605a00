import type { Outcome } from '../model/outcome.ts'
import type { UsageRecorder } from '../snapshot/usage/usage-recorder.ts'
import type { UsageClient } from '../snapshot/usage/usage-tally.ts'
import type { EndedRequest } from './ended-request.ts'

/** Somebody wanted what a snapshot has. A download that the client broke off is a use, what could not be answered is none. */
const USES: ReadonlySet<Outcome> = new Set(['hit', 'not_modified', 'fill', 'join', 'bypass', 'aborted'])

/** Clients that are known, each with each program that it uses: some 2 MB. */
const MAX_KNOWN = 10_000

/** Gives what is to be called with every request that has ended: it counts those of a snapshot as its use. */
export function createUseCounter(recorder: UsageRecorder): (ended: EndedRequest) => void {
  // By User-Agent and address. Not by connection: those that come for one request each would cost more to remember than to look at.
  const known = new Map<string | undefined, Map<string, UsageClient>>()
  let count = 0
  const identify = (address: string, userAgent: string | undefined): UsageClient => {
    const client = recorder.identify(address, userAgent)
    count += 1
    if (count > MAX_KNOWN) {
      known.clear()
      count = 1
    }
    const users = known.get(userAgent)
    if (users === undefined) known.set(userAgent, new Map([[address, client]]))
    else users.set(address, client)
    return client
  }
  return ({ snapshot, outcome, client: address, userAgent, packageName, bytes, count: requests }) => {
    // Also when it could not be had: the next version of it is to be.
    if (snapshot !== undefined && packageName !== undefined) recorder.recordName(snapshot, packageName)
    if (snapshot === undefined || outcome === undefined || address === undefined || !USES.has(outcome)) return
    const client = known.get(userAgent)?.get(address) ?? identify(address, userAgent)
    recorder.record(snapshot, client, bytes, requests)
  }
}
