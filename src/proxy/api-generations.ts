import type { Generation, GenerationCause, SnapshotHistory } from '../snapshot/store.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply, readCount, toIso } from './api-reply.ts'
import { indexOfGeneration } from './past.ts'
import type { TextReply } from './reply.ts'

/** The most generations given at once. */
const MAX_GENERATIONS = 1_000

/** A generation as the API shows it: what made the index another one. */
export interface GenerationView {
  readonly generation: number
  readonly created_at: string
  readonly cause: GenerationCause
  /** `schedule`, `configuration file`, `socket user NAME`, `token NAME`; null where it was not noted. */
  readonly by: string | null
  /** What was said of the pins that it brought, by `--why` or the comment on their lines; null where nothing was. */
  readonly why: string | null
  readonly changes: readonly {
    readonly mirror: string
    readonly from: string | null
    readonly to: string | null
  }[]
}

/** Answers `generations[?mirror=&before=&limit=]` and `generations/<n>`. */
export async function answerGenerations(
  { snapshots: { history } }: ApiContext,
  { rest, query }: ApiRequest,
): Promise<TextReply | undefined> {
  const [number, ...further] = rest
  if (further.length > 0) return undefined
  return number === undefined ? await answerList(history, query) : await answerOne(history, number)
}

async function answerList(history: SnapshotHistory, query: URLSearchParams): Promise<TextReply> {
  const mirror = query.get('mirror')
  const before = readCount(query, 'before')
  const limit = readCount(query, 'limit')
  const generations = await history.generations({
    ...(mirror === null ? {} : { mirror }),
    ...(before === undefined ? {} : { before }),
    ...(limit === undefined ? {} : { limit: Math.min(limit, MAX_GENERATIONS) }),
  })
  return createJsonReply({ generations: generations.map(toGenerationView) })
}

async function answerOne(history: SnapshotHistory, text: string): Promise<TextReply> {
  const { generation, createdAt, current } = await indexOfGeneration(history, text)
  const snapshots = [...current].map(([mirror, { name }]) => [mirror, name])
  const byMirror = Object.fromEntries(snapshots) as unknown
  const [own] = await history.generations({ before: generation + 1, limit: 1 })
  const made = own === undefined ? { generation, created_at: toIso(createdAt) } : toGenerationView(own)
  return createJsonReply({ ...made, current: byMirror })
}

function toGenerationView(one: Generation): GenerationView {
  const { number, createdAt, cause, actor, why = null, changes } = one
  const shown = changes.map(({ mirror, from = null, to = null }) => ({ mirror, from, to }))
  const by = actor === '' ? null : actor
  const createdIso = new Date(createdAt).toISOString()
  return { generation: number, created_at: createdIso, cause, by, why, changes: shown }
}
