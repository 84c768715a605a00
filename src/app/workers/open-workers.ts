import type { Config } from '../../config/config.ts'
import type { EndedRequest } from '../../http/ended-request.ts'
import type { HttpServer } from '../../http/server.ts'
import type { Content } from '../../proxy/content.ts'
import type { Resolver } from '../../proxy/resolver.ts'
import type { Logger } from '../../system/logger.ts'
import type { Tally } from '../../system/tally.ts'
import type { Storage } from '../storage.ts'
import { FILE_TARGET, type LearnedFile } from './messages.ts'
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
  const { config, server, storage, resolver, content, onEnd, tally, log } = parts
  const replay = createReplay({ log, requestLog: server.requestLog, onEnd })
  const workers = new Workers({
    server,
    bounds: () => toBounds(config()),
    task: () => ({ dataDir: config().dataDir, memoryBytes: memoryShares(config()).worker }),
    learn: (target) => learn(resolver, content, target),
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

/** What is answered with a URL in it is not for a worker. */
function noBase(): string {
  return 'http://localhost'
}

/** The file that a target names, unless it is one to be looked at first. */
async function learn(resolver: Resolver, content: Content, target: string): Promise<LearnedFile | undefined> {
  if (!FILE_TARGET.test(target)) return undefined
  const file = resolver.peek(target) ?? (await resolver.resolve(target, noBase, 'nobody'))
  // Only what may be remembered here may be there.
  if (file.kind !== 'file' || !file.immutable) return undefined
  const standing = content.standing(file)
  return standing === 'unchecked' ? undefined : { file, expires: standing === 'passed' }
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
