import type { Traffic } from '../system/traffic.ts'
import { sentBytes, type Exchange } from './exchange.ts'

/** Gives what is to be called with every exchange that has ended: it counts those below `/repos`. */
export function createTrafficCounter(traffic: Pick<Traffic, 'record'>): (exchange: Exchange) => void {
  return (exchange) => {
    const { outcome, request, snapshot, startedAt, headAt } = exchange
    if (outcome === undefined || request.url?.startsWith('/repos/') !== true) return
    traffic.record({
      outcome,
      bytes: sentBytes(exchange),
      firstByteMs: headAt === undefined ? undefined : headAt - startedAt,
      mirror: snapshot?.mirror,
    })
  }
}
