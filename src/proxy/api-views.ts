import { formatDuration } from '../model/duration.ts'
import { PinyonError } from '../model/errors.ts'
import type { View } from '../snapshot/views/views.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply, readCount } from './api-reply.ts'
import type { TextReply } from './reply.ts'

/** The most views given at once: what each holds is counted, which takes the thread some ten milliseconds on a large farm. */
const MAX_LIMIT = 100

/** A view as the API shows it. */
export interface ViewView {
  readonly name: string
  readonly generation: number
  readonly created_at: string
  readonly ttl: string
  readonly ttl_ms: number
  /** When it ends unless it is opened again, by the system's clock. */
  readonly expires_at: string
  readonly expires_in_ms: number
  /** Who asked first: an address, or the network it is in. */
  readonly client: string
  /** How many snapshots it holds. */
  readonly snapshots: number
  /** Of what it holds, the bytes on disk that nothing else keeps: a collection frees them when it has ended. Null while that is not known. */
  readonly only_held_bytes: number | null
}

/** A page of views, by name. */
export interface ViewList {
  readonly views: readonly ViewView[]
  /** How many there are in all, and how many there can be. */
  readonly count: number
  readonly max: number
  /** What to ask the next page with, as `after`; null on the last one. */
  readonly next: string | null
}

/** Answers `views[?after=&limit=]` and `views/<name>`. */
export async function answerViews(
  context: ApiContext,
  { rest: [name, ...further], query }: ApiRequest,
): Promise<TextReply | undefined> {
  if (further.length > 0) return undefined
  if (name === undefined) return await answerList(context, query)
  const view = await context.snapshots.views.find(name)
  if (view === undefined) throw new PinyonError('NOT_FOUND', `there is no view: ${name}`)
  return createJsonReply(toViewView(view, context, await context.soleBytes('views')))
}

async function answerList(context: ApiContext, query: URLSearchParams): Promise<TextReply> {
  const { views } = context.snapshots
  const limit = Math.max(1, Math.min(readCount(query, 'limit') ?? MAX_LIMIT, MAX_LIMIT))
  const found = await views.list({ after: query.get('after') ?? '', limit: limit + 1 })
  const page = found.slice(0, limit)
  const sole = await context.soleBytes('views')
  const list: ViewList = {
    views: page.map((view) => toViewView(view, context, sole)),
    count: await views.count(),
    max: views.max,
    next: found.length > limit ? (page.at(-1)?.name ?? null) : null,
  }
  return createJsonReply(list)
}

function toViewView(
  view: View,
  { showClient }: ApiContext,
  sole: ReadonlyMap<string, number> | undefined,
): ViewView {
  return {
    name: view.name,
    generation: view.generation,
    created_at: new Date(view.createdAt).toISOString(),
    ttl: formatDuration(view.ttlMs),
    ttl_ms: view.ttlMs,
    expires_at: new Date(view.endsAt).toISOString(),
    expires_in_ms: view.remainingMs,
    client: showClient(view.client),
    snapshots: view.snapshotCount,
    only_held_bytes: sole === undefined ? null : (sole.get(view.name) ?? 0),
  }
}
