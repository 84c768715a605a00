import { gunzipSync } from 'node:zlib'

import type { Dispatcher } from 'undici'

import type { LoadIndex } from '../../inject/index-resolution.ts'
import { PinyonError } from '../../model/errors.ts'
import { VERSION } from '../../system/version.ts'
import { splitCredentials } from '../../upstream/credentials.ts'
import { getFile } from '../../upstream/file-source.ts'
import { getHttp } from '../../upstream/http-source.ts'
import { DispatcherSender } from '../../upstream/sender.ts'
import { loadUndici } from '../../upstream/undici-parts.ts'
import { INDEX_BUDGET_MS, tryUntil, type TryClock } from './index-tries.ts'

/** The largest document of an index, in bytes: some 40,000 mirrors. */
export const INDEX_MAX_BYTES = 4 << 20

/** What a server tells with an index: see http/send-text.ts. */
const ELSEWHERE_HEADER = 'x-pinyon-elsewhere'

/** How an index is got. */
export interface IndexLoaderOptions {
  readonly clock: TryClock
  /** Is told, in a line, of each try that failed and is followed by another. */
  readonly warn: (line: string) => void
}

/** Gets documents of an index; {@link close} when all are there. */
export interface IndexLoader {
  readonly load: LoadIndex
  /** Mirrors that servers have named as those whose metadata send clients past them. */
  readonly elsewhere: ReadonlySet<string>
  close(): Promise<void>
}

/**
 * Opens a loader of index documents by http, https and from files. The environment's proxies do not count: an index is never far away, and a
 * cache on the way could give an old one. What passes is tried anew, for {@link INDEX_BUDGET_MS} over all documents.
 */
export function openIndexLoader({ clock, warn }: IndexLoaderOptions): IndexLoader {
  const dispatcher = new (loadUndici().Agent)({ connect: { timeout: INDEX_BUDGET_MS } })
  const deadlineMs = clock.now() + INDEX_BUDGET_MS
  const elsewhere = new Set<string>()
  const load: LoadIndex = async (url, read) => {
    const name = `index ${splitCredentials(url).shown}`
    if (/^file:/i.test(url)) return await readFileIndex(url, name, read)
    const result = await tryUntil(
      clock,
      deadlineMs,
      (budgetMs) => readHttpIndex(url, { dispatcher, budgetMs, elsewhere }, read),
      ({ error, pauseMs }) => warn(`${name}: ${error.message}; trying again in ${formatSeconds(pauseMs)}`),
    )
    if ('value' in result) return result.value
    const { error, tries, elapsedMs } = result
    const times = tries === 1 ? 'tried once' : `tried ${tries} times in ${formatSeconds(elapsedMs)}`
    throw prefix(error, `${name}: ${times}`)
  }
  return { load, elsewhere, close: () => dispatcher.destroy() }
}

async function readFileIndex<T>(url: string, name: string, read: (bytes: Uint8Array) => T): Promise<T> {
  try {
    const { body } = await getFile(url, {})
    return read((await collect(body)).bytes)
  } catch (error) {
    throw prefix(error, name)
  }
}

async function readHttpIndex<T>(
  url: string,
  {
    dispatcher,
    budgetMs,
    elsewhere,
  }: { readonly dispatcher: Dispatcher; readonly budgetMs: number; readonly elsewhere: Set<string> },
  read: (bytes: Uint8Array) => T,
): Promise<T> {
  const signal = AbortSignal.timeout(budgetMs)
  const sender = new DispatcherSender(dispatcher)
  try {
    const options = {
      // Redirects may lead anywhere: who injects asks for nobody but this machine.
      connections: { to: () => sender, reachAfter: () => 'public' as const },
      timeoutMs: budgetMs,
      userAgent: `pinyon/${VERSION}`,
      now: () => performance.now(),
      onHeaders: ({ [ELSEWHERE_HEADER]: names }: Readonly<Record<string, unknown>>) => {
        if (typeof names === 'string') for (const name of names.split(', ')) elsewhere.add(name)
      },
    }
    const { body } = await getHttp(url, { signal }, options)
    const { bytes, short } = await collect(body)
    return short === undefined ? read(unzip(bytes)) : readShort(bytes, short, read)
  } catch (error) {
    if (error !== signal.reason) throw error
    throw new PinyonError('UPSTREAM_TIMEOUT', `no whole answer within: ${formatSeconds(budgetMs)}`, {
      cause: error,
    })
  }
}

/** A body that ends before its announced length is as good as whole when what came is: an object of JSON has an end of its own. */
function readShort<T>(bytes: Uint8Array, short: PinyonError, read: (bytes: Uint8Array) => T): T {
  if (!(Number(short.facts['announced']) > bytes.length) || bytes[0] !== OPEN_BRACE) throw short
  try {
    JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw short
  }
  return read(bytes)
}

const OPEN_BRACE = 0x7b

async function collect(
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly bytes: Uint8Array; readonly short?: PinyonError }> {
  const chunks: Uint8Array[] = []
  let total = 0
  try {
    for await (const chunk of body) {
      total += chunk.length
      if (total > INDEX_MAX_BYTES)
        throw new PinyonError('UPSTREAM_OVERSIZE', `expected at most ${INDEX_MAX_BYTES} bytes, found: more`)
      chunks.push(chunk)
    }
  } catch (error) {
    if (!(error instanceof PinyonError) || error.code !== 'UPSTREAM_SHORT') throw error
    return { bytes: Buffer.concat(chunks), short: error }
  }
  return { bytes: Buffer.concat(chunks) }
}

/** Some servers send gzip unasked; no form of an index begins as gzip does. */
function unzip(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: INDEX_MAX_BYTES })
  } catch (error) {
    throw new PinyonError('INDEX_UNREADABLE', `gzip of ${bytes.length} bytes: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function prefix(error: unknown, text: string): unknown {
  if (!(error instanceof PinyonError)) return error
  return new PinyonError(error.code, `${text}: ${error.message}`, { ...error.facts, cause: error })
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
