import { LRUCache } from 'lru-cache'

import type { EndedRequest } from '../../http/ended-request.ts'
import { toLogFields } from '../../http/fast/prepared-answers.ts'
import { describeAgent, describeTarget, logRequest } from '../../http/request-log.ts'
import { createRawLine, type Logger } from '../../system/logger.ts'
import {
  readBatch,
  type EndedBatch,
  type ReplayedRequest,
  type SharedAnswer,
  type Speaker,
} from './ended-batch.ts'

/** Speakers remembered, so that each is looked at once. */
const REMEMBERED_SPEAKERS = 10_000

/** What a log line says before the time that a request took, of who asked, and after that. */
interface LineParts {
  readonly before: string
  readonly after: string
}

/**
 * Gives what takes up requests that workers have answered, as if they had been answered here: they are counted by the same counters and
 * logged by the same log, so that neither a worker's end nor the number of them shows.
 */
export function createReplay(log: Logger, onEnd: (ended: EndedRequest) => void): (batch: EndedBatch) => void {
  const connections = new LRUCache<string, object>({ max: REMEMBERED_SPEAKERS })
  const connectionOf = ({ client, userAgent }: Speaker) => {
    const key = `${client} ${userAgent}`
    const known = connections.get(key) ?? {}
    connections.set(key, known)
    return known
  }
  const logBatch = createBatchLog(log)
  return (batch) => {
    if (batch.dropped > 0)
      log.error({ requests: batch.dropped }, 'requests of a worker were not counted: it was not listened to')
    const write = logBatch()
    for (const ended of readBatch(batch, connectionOf)) {
      onEnd(ended)
      write(ended)
    }
  }
}

/** Lines whose parts are formatted once a batch. */
function createBatchLog(log: Logger): () => (ended: ReplayedRequest) => void {
  const writeLine = createRawLine(log, 'request')
  return () => {
    const isOn = log.isLevelEnabled('info')
    const answers = new Map<SharedAnswer, LineParts>()
    const speakers = new Map<Speaker, string>()
    return (ended) => {
      if (ended.error !== undefined) return logRequest(log, ended)
      if (!isOn) return
      const parts = remember(answers, ended.answer, describeAnswer)
      const speaker = remember(speakers, ended.speaker, describeSpeaker)
      writeLine(parts.before + Math.round(ended.ms * 10) / 10 + speaker + parts.after)
    }
  }
}

function remember<Key, Value>(known: Map<Key, Value>, key: Key, make: (key: Key) => Value): Value {
  const found = known.get(key) ?? make(key)
  known.set(key, found)
  return found
}

function describeAnswer({ method, target, status, outcome, snapshot, note }: SharedAnswer): LineParts {
  const named = snapshot === undefined ? {} : { mirror: snapshot.mirror, snapshot: snapshot.name }
  return {
    before: `${toLogFields({ method, target: describeTarget(target), status, outcome })},"ms":`,
    after: toLogFields({ ...named, ...note }),
  }
}

function describeSpeaker({ client, userAgent }: Speaker): string {
  return toLogFields({ client, agent: describeAgent(userAgent) })
}
