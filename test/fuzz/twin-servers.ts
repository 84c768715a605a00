import { setImmediate as nextTurn } from 'node:timers/promises'

import type { EndedRequest } from '../../src/http/ended-request.ts'
import { FastConnection } from '../../src/http/fast/fast-connection.ts'
import { FastExchange } from '../../src/http/fast/fast-exchange.ts'
import { HitSum } from '../../src/http/fast/hit-sums.ts'
import { sendFile } from '../../src/http/send-file.ts'
import { sendText } from '../../src/http/send-text.ts'
import { HttpServer, type Handler } from '../../src/http/server.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { createTextReply, type TextReply } from '../../src/proxy/reply.ts'
import { readComing } from '../support/coming-file.ts'
import { createMemoryContent, SNAPSHOT } from '../support/memory-content.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

/** Targets, and bytes of what they name: nothing, little, much; in memory or in a file. */
export const FILES: readonly (readonly [target: string, size: number])[] = [
  ['/e', 0],
  ['/repos/yum/m/2016-12-13-13-30/a.rpm', 7],
  ['/a%2Bb?x=1', 300],
  ['/large', 70_000],
  ['/cold', 40_000],
  ['/unknown', 9],
  ['/coming', 45_000],
  ['/wrong', 45_001],
  ['/refused', 45_002],
]
/** Texts by target: one of no snapshot, one of the current one, one that is long, never changes, and tells of mirrors elsewhere. */
export const TEXTS: ReadonlyMap<string, TextReply> = new Map<string, TextReply>([
  ['/repos/yum/all_latest.json', createTextReply('application/json', '{}\n')],
  ['/repos/yum/m/latest.txt', createTextReply('text/plain; charset=utf-8', '2016-12-13-13-30\n', SNAPSHOT)],
  [
    '/repos/generations/1/all_latest.yaml',
    {
      ...createTextReply('application/yaml', seededBytes('index', 40_000)),
      immutable: true,
      elsewhere: ['m', 'n'],
    },
  ],
])
/** What is known not to be there. */
export const MISSING: readonly string[] = ['/missing', '/missing%C3%A9?x=1']
/** Who asks for a text of this host is answered by the handler only. */
export const STRANGE_HOST = 'strange.example.org'
/** What is in no memory, ever, and takes some turns to come. */
const COLD = '/cold'
/** What is fetched for each who asks: right, wrong from somewhere on, or not at all. */
const COMING = '/coming'
const WRONG = '/wrong'
const WRONG_AT = 25_000
const REFUSED = '/refused'
/** All that is never warm. */
export const NEVER_WARM: readonly string[] = [COLD, COMING, WRONG, REFUSED]
/** What only the handler knows. */
const UNKNOWN = '/unknown'
/** What tells of an answer without node:http. */
const FAST = [FastConnection, FastExchange, HitSum]
/** How many turns. */
const COLD_TURNS = 2

/** Two servers that answer the same files and texts: one straight on its connections where it can, the other by node:http alone. */
export interface Twins {
  readonly servers: readonly [fast: HttpServer, slow: HttpServer]
  /** What each has told of the requests that ended on a connection, in order. */
  readonly told: (connection: object) => string[]
  /** How many requests the first one has answered without node:http. */
  readonly fastAnswers: () => number
  /** How many of these were not warm. */
  readonly coldAnswers: () => number
  /** Whether a request waits for a turn of the event loop. */
  readonly areWaiting: () => boolean
  readonly close: () => Promise<void>
}

function nothingAt(url: string): PinyonError {
  return new PinyonError('NOT_FOUND', `there is nothing at: ${MISSING.includes(url) ? decodeURI(url) : url}`)
}

/** Starts both; nothing listens. */
export async function startTwins(): Promise<Twins> {
  // Nothing becomes hot: the large one goes on being read.
  let coming = 0
  const onWait = (change: 1 | -1) => (coming += change)
  const { files, content, cache } = await createMemoryContent(
    FILES,
    { memoryBytes: 128 << 10 },
    {
      [COMING]: async (bytes) => readComing({ bytes, onWait }),
      [WRONG]: async (bytes) => readComing({ bytes, wrongAt: WRONG_AT, onWait }),
      [REFUSED]: async () => {
        throw new PinyonError('UPSTREAM_STATUS', 'upstream answered: 503', { status: 503 })
      },
    },
  )
  const peek = (target: string, host: string) => {
    if (target === COLD) forget()
    if (target === UNKNOWN) return undefined
    return files.get(target) ?? (host === STRANGE_HOST ? undefined : TEXTS.get(target))
  }
  const forget = () => cache.forget(files.get(COLD)?.digest ?? 'sha256:none')
  // What is not there, what is not warm, and what only the handler knows to be there.
  const lookUp = (target: string) => {
    if (MISSING.includes(target)) return Promise.resolve(nothingAt(target))
    if (target === UNKNOWN) return Promise.resolve(undefined)
    return target === COLD ? lookLong(target) : Promise.resolve(files.get(target))
  }
  const lookLong = async (target: string) => {
    for (let turn = 0; turn < COLD_TURNS; turn += 1) await nextTurn()
    return files.get(target)
  }
  const handler: Handler = async (exchange) => {
    const { method, url = '' } = exchange.request
    if (method !== 'GET' && method !== 'HEAD') throw new PinyonError('METHOD_REFUSED', `refused: ${method}`)
    const file = files.get(url)
    const text = TEXTS.get(url)
    if (text !== undefined) return sendText(exchange, text)
    if (url === COLD) for (let turn = 0; turn < COLD_TURNS; turn += 1) await nextTurn()
    if (file === undefined) throw nothingAt(url)
    await sendFile(exchange, file, content)
    forget()
  }
  forget()
  const log = createSilentLogger()
  const ends = new WeakMap<object, string[]>()
  let [fastAnswers, coldAnswers] = [0, 0]
  const onEnd = (ended: EndedRequest) => {
    if (FAST.some((kind) => ended instanceof kind)) fastAnswers += ended.count
    if (ended instanceof FastExchange) coldAnswers += 1
    const { connection, method, target, status, outcome, userAgent, client, packageName, count } = ended
    // Several together were alike.
    const bytes = ended.bytes / count
    const told = ends.get(connection) ?? []
    ends.set(connection, told)
    const line = JSON.stringify([method, target, status, outcome, bytes, userAgent, client, packageName])
    for (let at = 0; at < count; at += 1) told.push(line)
  }
  const cold = { lookUp, content }
  const fast = new HttpServer(handler, log, { onEnd, fast: { peek, cold, content, isOn: () => true } })
  const slow = new HttpServer(handler, log, { onEnd })
  return {
    servers: [fast, slow],
    told: (connection) => ends.get(connection) ?? [],
    fastAnswers: () => fastAnswers,
    coldAnswers: () => coldAnswers,
    areWaiting: () => content.turns.size > 0 || coming > 0,
    close: async () => {
      await Promise.all([fast.drain(0), slow.drain(0)])
      cache.close()
    },
  }
}
