import type { Config } from '../../config/config.ts'
import type { EndedRequest } from '../../http/ended-request.ts'
import type { HttpServer } from '../../http/server.ts'
import type { Content } from '../../proxy/content.ts'
import type { Resolver } from '../../proxy/resolver.ts'
import type { Logger } from '../../system/logger.ts'
import type { Tally } from '../../system/tally.ts'
import type { Storage } from '../storage.ts'
import { indexBase } from '../handlers.ts'
import { isForWorkers, type AskedTarget, type LearnedReply } from './messages.ts'
import { createReplay } from './replay.ts'
import { memoryShares, toBounds } from './worker-count.ts'
import { Workers, type WorkerNews } from './workers.ts'

/** The parts of an App that workers are told of, and tell. */
export interface WorkerParts {
  readonly config: () => Config
  readonly server: HttpServer
  readonly storage: Storage
  readonly resolver: Resolver
  readonly content: Content
  /** Counts a request that has ended. */
  readonly onEnd: (ended: EndedRequest) => void
  /** Adds up what this process and those that have ended count. */
  readonly tally: Tally
  readonly log: Logger
}

/** The workers of an App; none is started yet. */
export function createWorkers(parts: WorkerParts): Workers {
  const { config, server, storage, onEnd, tally, log } = parts
  const replay = createReplay({ log, requestLog: server.requestLog, onEnd })
  const workers = new Workers({
    server,
    bounds: () => toBounds(config()),
    task: () => ({
      dataDir: config().dataDir,
      memoryBytes: memoryShares(config()).worker,
      isLogged: log.isLevelEnabled('info'),
      trustedProxies: config().trustedProxies?.texts ?? [],
    }),
    learn: (asked) => learn(parts, asked),
    onNews: (news) => {
      if (news.kind === 'ended') {
        replay(news.batch)
        storage.cache.noteUsed(news.used)
      } else void drop(news, parts)
    },
    absorb: (counted) => tally.absorb(counted),
    log,
  })
  storage.cache.onForget = (digest) => workers.drop([digest])
  return workers
}

/** What a target names, unless it is a package to be looked at first. */
async function learn(
  { resolver, content, config }: WorkerParts,
  { target, host }: AskedTarget,
): Promise<LearnedReply | undefined> {
  if (!isForWorkers(target)) return undefined
  const learned = await resolver.learn(target, indexBase(target, host, config()))
  if (learned?.reply.kind !== 'file') return learned && { ...learned, expires: false }
  const standing = content.standing(learned.reply)
  // One that is to be asked for anew is remembered by its own name only.
  const isKept = standing === 'free' || (standing === 'passed' && learned.generation === undefined)
  return isKept ? { ...learned, expires: standing === 'passed' } : undefined
}

async function drop(
  news: Exclude<WorkerNews, { kind: 'ended' }>,
  { storage, log }: WorkerParts,
): Promise<void> {
  const { digest } = news
  storage.cache.forget(digest)
  if (news.kind === 'unreadable') await storage.putAside(digest, new Error(news.reason), log)
  else
    await storage.blobs
      .remove(digest)
      .catch((error: Error) => log.error({ digest, reason: error.message }, 'a wrong file stays'))
}
