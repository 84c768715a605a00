import type { Traffic } from '../system/traffic.ts'
import type { EndedRequest } from './ended-request.ts'

/** Gives what is to be called with every exchange that has ended: it counts those below `/repos`. */
export function createTrafficCounter(traffic: Pick<Traffic, 'record'>): (ended: EndedRequest) => void {
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
