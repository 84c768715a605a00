import type { Outcome } from '../model/outcome.ts'
import type { UsageRecorder } from '../snapshot/usage/usage-recorder.ts'
import type { Tally } from '../system/tally.ts'
import type { Traffic } from '../system/traffic.ts'
import { createRequestCounter } from './count-requests.ts'
import { createUseCounter } from './count-use.ts'
import type { EndedRequest } from './ended-request.ts'

/** Who counts requests. */
export interface RequestCounts {
  readonly usage: UsageRecorder
  readonly traffic: Traffic
  readonly tally: Tally
}

/** Gives what is to be called with every exchange that has ended: it counts those below `/repos`. */
function createTrafficCounter(traffic: Pick<Traffic, 'record'>): (ended: EndedRequest) => void {
  return (ended) => {
    if (isOver(ended) && ended.target.startsWith('/repos/')) traffic.record(ended)
  }
}

function isOver(ended: EndedRequest): ended is EndedRequest & { readonly outcome: Outcome } {
  return ended.outcome !== undefined
}

/** Gives what counts an exchange that has ended as a use of a snapshot, as traffic, and for figures. */
export function createCounters({ usage, traffic, tally }: RequestCounts): (ended: EndedRequest) => void {
  const [use, day, request] = [
    createUseCounter(usage),
    createTrafficCounter(traffic),
    createRequestCounter(tally),
  ]
  return (ended) => {
    use(ended)
    day(ended)
    request(ended)
  }
}
