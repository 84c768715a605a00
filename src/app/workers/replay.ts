import type { EndedRequest } from '../../http/ended-request.ts'
import {
  describeAgent,
  describeTarget,
  toLogFields,
  type PreparedLine,
  type RequestLog,
} from '../../http/request-log.ts'
import type { Logger } from '../../system/logger.ts'
import {
  readBatch,
  type EndedBatch,
  type ReplayedRequest,
  type SharedAnswer,
  type Speaker,
} from './ended-batch.ts'

/** Who takes up what workers have answered. */
export interface ReplayOptions {
  readonly log: Logger
  readonly requestLog: RequestLog
  /** Counts a request that has ended. */
  readonly onEnd: (ended: EndedRequest) => void
}

/**
 * Gives what takes up requests that workers have answered, as if they had been answered here: they are counted by the same counters and
 * logged by the same log, so that neither a worker's end nor the number of them shows.
 */
export function createReplay({ log, requestLog, onEnd }: ReplayOptions): (batch: EndedBatch) => void {
  return (batch) => {
    if (batch.dropped > 0)
      log.error({ requests: batch.dropped }, 'requests of a worker were not counted: it was not listened to')
    const write = createBatchLog(log, requestLog)
    for (const ended of readBatch(batch)) {
      onEnd(ended)
      write(ended)
    }
  }
}

/** Writes lines whose parts are formatted once a batch. */
function createBatchLog(log: Logger, requestLog: RequestLog): (ended: ReplayedRequest) => void {
  const isOn = log.isLevelEnabled('info')
  const answers = new Map<SharedAnswer, PreparedLine>()
  const speakers = new Map<Speaker, string>()
  return (ended) => {
    // Whoever answered has decided which of very many have a line, and has added up the others.
    if (ended.isSum) return requestLog.leaveOut(ended)
    if (ended.error !== undefined || ended.id === undefined) return requestLog.log(ended)
    if (!isOn) return
    const parts = remember(answers, ended.answer, describeAnswer)
    requestLog.logHit(ended, parts, remember(speakers, ended.speaker, describeSpeaker))
  }
}

function remember<Key, Value>(known: Map<Key, Value>, key: Key, make: (key: Key) => Value): Value {
  const found = known.get(key) ?? make(key)
  known.set(key, found)
  return found
}

function describeAnswer({ method, target, status, outcome, snapshot, note }: SharedAnswer): PreparedLine {
  const named = snapshot === undefined ? {} : { mirror: snapshot.mirror, snapshot: snapshot.name }
  return {
    logBefore: toLogFields({ method, target: describeTarget(target), status, outcome }),
    logAfter: toLogFields({ ...named, ...note }),
  }
}

function describeSpeaker({ client, userAgent }: Speaker): string {
  return toLogFields({ client, agent: describeAgent(userAgent) })
}
