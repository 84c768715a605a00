import type { Traffic } from '../system/traffic.ts'
import type { UsageRecorder } from '../snapshot/usage/usage-recorder.ts'
import { createUseCounter } from './count-use.ts'
import type { EndedRequest } from './ended-request.ts'

/** Gives what is to be called with every exchange that has ended: it counts those below `/repos`. */
function createTrafficCounter(traffic: Pick<Traffic, 'record'>): (ended: EndedRequest) => void {
  return ({ outcome, target, snapshot, startedAt, headAt, bytes }) => {
    if (outcome === undefined || !target.startsWith('/repos/')) return
    traffic.record({
      outcome,
      bytes,
      firstByteMs: headAt === undefined ? undefined : headAt - startedAt,
      mirror: snapshot?.mirror,
    })
  }
}

/** Gives what counts an exchange that has ended as a use of a snapshot, and as traffic. */
export function createCounters(usage: UsageRecorder, traffic: Traffic): (ended: EndedRequest) => void {
  const counters = [createUseCounter(usage), createTrafficCounter(traffic)]
  return (ended) => counters.forEach((count) => count(ended))
}
