import { parseDuration } from '../model/duration.ts'
import { PinyonError } from '../model/errors.ts'
import { isViewName } from '../model/view-name.ts'
import type { Index, SnapshotHistory } from '../snapshot/store.ts'
import type { ViewStore } from '../snapshot/views/views.ts'
import { indexFormatOf, type IndexFormat } from './index-formats.ts'
import type { IndexReplies } from './index-replies.ts'
import type { TextReply } from './reply.ts'
import { findSegments, queryOf } from './request-target.ts'

/** The shortest time that a view can be kept for, in milliseconds. */
const MIN_TTL_MS = 1_000

/** What indexes of views are answered from. */
export interface ViewSource {
  readonly views: ViewStore
  readonly history: SnapshotHistory
  readonly replies: IndexReplies
}

/** A view's index as a request target names it. */
export interface ViewTarget {
  readonly name: string
  readonly format: IndexFormat
}

/**
 * What `/repos/views/<name>/all_latest.<format>` names; undefined for any other path.
 * @throws PinyonError PATH_REFUSED for a name that no view can have
 */
export function parseViewPath(segments: readonly string[]): ViewTarget | undefined {
  const [repos, area, name, file, ...rest] = segments
  if (repos !== 'repos' || area !== 'views' || name === undefined || rest.length > 0) return undefined
  const format = file === undefined ? undefined : indexFormatOf(file)
  if (format === undefined) return undefined
  if (isViewName(name)) return { name, format }
  throw refuseViewName(name)
}

/** The error for a name that no view can have. */
export function refuseViewName(name: string): PinyonError {
  return new PinyonError(
    'PATH_REFUSED',
    `a view's name has 1 to 128 of A-Z a-z 0-9 . _ - and begins with a letter or digit: ${JSON.stringify(name.slice(0, 200))}`,
  )
}

/** As {@link parseViewPath}, from a raw target; undefined also for one that is none of ours. */
export function parseViewTarget(target: string): ViewTarget | undefined {
  const segments = findSegments(target)
  return segments === undefined ? undefined : parseViewPath(segments)
}

/**
 * Answers a view's index: the first time freezes, and each time keeps the view for its ttl from then on.
 * @param target the raw one, for its query
 * @throws PinyonError PATH_REFUSED for a ttl that is none, VIEWS_FULL
 */
export async function answerView(
  { views, history, replies }: ViewSource,
  { name, format }: ViewTarget,
  request: { readonly target: string; readonly base: string; readonly client: string },
): Promise<TextReply> {
  const ttlMs = parseTtl(queryOf(request.target))
  const generation = await openView(views, name, { ttlMs, client: request.client })
  const known = replies.known(generation, format, request.base)
  if (known !== undefined) return known
  const index = await indexOfView(history, name, generation)
  return replies.reply(index, format, request.base)
}

/** Opens a view: freezes it, or keeps it for its ttl from now on. Gives its generation. Throws PinyonError VIEWS_FULL. */
export async function openView(
  views: ViewStore,
  name: string,
  { ttlMs, client }: { readonly ttlMs: number | undefined; readonly client: string },
): Promise<number> {
  return await views.open(name, { client, ...(ttlMs === undefined ? {} : { ttlMs }) })
}

/** The index of a generation that a view stands for. */
export async function indexOfView(
  history: SnapshotHistory,
  name: string,
  generation: number,
): Promise<Index> {
  const index = generation === 0 ? EMPTY_INDEX : await history.indexAt(generation)
  if (index !== undefined) return index
  // Generations are never deleted: this would be a damaged database.
  throw new Error(`view ${name} stands for a generation that is not there: ${generation}`)
}

/** The index before anything was published. */
export const EMPTY_INDEX: Index = { generation: 0, createdAt: 0, current: new Map() }

/**
 * The `ttl` of a query in milliseconds; undefined when it has none. Other parameters mean nothing here.
 * @throws PinyonError PATH_REFUSED for what is none, or too short
 */
export function parseTtl(query: URLSearchParams): number | undefined {
  const [ttl, ...more] = query.getAll('ttl')
  if (ttl === undefined) return undefined
  const ttlMs = more.length > 0 ? undefined : parseDuration(ttl)
  if (ttlMs !== undefined && ttlMs >= MIN_TTL_MS) return ttlMs
  const found = more.length > 0 ? 'more than one' : JSON.stringify(ttl.slice(0, 80))
  throw new PinyonError('PATH_REFUSED', `expected a ttl from 1s to 14d, such as 24h, found: ${found}`)
}
