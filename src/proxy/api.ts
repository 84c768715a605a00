import { PinyonError } from '../model/errors.ts'
import type {
  Generation,
  GenerationCause,
  MirrorState,
  Snapshot,
  SnapshotHistory,
  SnapshotReader,
} from '../snapshot/store.ts'
import { indexOfGeneration } from './past.ts'
import { createTextReply, type TextReply } from './reply.ts'

/** The most generations given at once. */
const MAX_GENERATIONS = 1_000

/** A mirror as the API shows it. Times are ISO 8601; null for what has not happened. */
export interface MirrorView {
  readonly name: string
  readonly enabled: boolean
  readonly current: string | null
  /** Whether the configuration pins the current snapshot. */
  readonly pinned: boolean
  readonly snapshots: number
  readonly last_sync: string | null
  readonly last_success: string | null
  readonly error: string | null
}

/** A snapshot as the API shows it. */
export interface SnapshotView {
  readonly name: string
  readonly created_at: string
  readonly packages: number
  readonly bytes: number
  readonly revision: string | null
  readonly current: boolean
}

/** Why what the configuration file says now is not what runs; undefined when it does, or when no server runs. */
export interface ConfigurationState {
  readonly error: string | undefined
}

/** A generation as the API shows it: what made the index another one. */
export interface GenerationView {
  readonly generation: number
  readonly created_at: string
  readonly cause: GenerationCause
  readonly changes: readonly {
    readonly mirror: string
    readonly from: string | null
    readonly to: string | null
  }[]
}

/** What the API is answered from. */
export interface ApiContext {
  readonly snapshots: SnapshotReader & { readonly history: SnapshotHistory }
  readonly configuration: ConfigurationState
}

/**
 * Answers a GET below `/api/v1`: `configuration`, `generations[?mirror=&before=&limit=]`, `generations/<n>`, `mirrors`, `mirrors/<m>`, `mirrors/<m>/snapshots`, `mirrors/<m>/snapshots/<s>`.
 * @param segments what follows `/api/v1`
 * @throws PinyonError NOT_FOUND
 */
export async function answerApi(
  { snapshots, configuration }: ApiContext,
  segments: readonly string[],
  query: URLSearchParams = new URLSearchParams(),
): Promise<TextReply> {
  const [resource, mirror, list, name, ...rest] = segments
  if (resource === 'configuration' && mirror === undefined)
    return json({
      ok: configuration.error === undefined,
      error: configuration.error ?? null,
    })
  if (resource === 'generations' && list === undefined)
    return mirror === undefined
      ? await answerGenerations(snapshots.history, query)
      : await answerGeneration(snapshots.history, mirror)
  if (resource !== 'mirrors' || rest.length > 0) throw notFound(segments)
  const states = await snapshots.mirrors()
  if (mirror === undefined) return json({ mirrors: states.map(toMirrorView) })
  const state = states.find((one) => one.name === mirror)
  if (state === undefined) throw new PinyonError('NOT_FOUND', `no such mirror: ${mirror}`)
  if (list === undefined) return json(toMirrorView(state))
  if (list !== 'snapshots') throw notFound(segments)
  const all = await snapshots.snapshots(mirror)
  if (name === undefined) return json({ snapshots: all.map((one) => toSnapshotView(one, state)) })
  const one = all.find((snapshot) => snapshot.name === name)
  if (one === undefined) throw new PinyonError('NOT_FOUND', `${mirror} has no snapshot: ${name}`)
  const files = await snapshots.files(one)
  const defects = await snapshots.defects(one)
  return json({ ...toSnapshotView(one, state), files, defects })
}

async function answerGenerations(history: SnapshotHistory, query: URLSearchParams): Promise<TextReply> {
  const mirror = query.get('mirror')
  const before = readCount(query, 'before')
  const limit = readCount(query, 'limit')
  const generations = await history.generations({
    ...(mirror === null ? {} : { mirror }),
    ...(before === undefined ? {} : { before }),
    ...(limit === undefined ? {} : { limit: Math.min(limit, MAX_GENERATIONS) }),
  })
  return json({ generations: generations.map(toGenerationView) })
}

async function answerGeneration(history: SnapshotHistory, text: string): Promise<TextReply> {
  const { generation, createdAt, current } = await indexOfGeneration(history, text)
  const snapshots = [...current].map(([mirror, { name }]) => [mirror, name])
  return json({ generation, created_at: toIso(createdAt), current: Object.fromEntries(snapshots) as unknown })
}

function readCount(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text))
    throw new PinyonError(
      'PATH_REFUSED',
      `expected a whole number for ${key}, found: ${JSON.stringify(text)}`,
    )
  return Number(text)
}

function toGenerationView({ number, createdAt, cause, changes }: Generation): GenerationView {
  const shown = changes.map(({ mirror, from = null, to = null }) => ({ mirror, from, to }))
  return { generation: number, created_at: new Date(createdAt).toISOString(), cause, changes: shown }
}

/** A mirror's state in the API's words. */
export function toMirrorView(state: MirrorState): MirrorView {
  return {
    name: state.name,
    enabled: state.listed,
    current: state.current?.name ?? null,
    pinned: state.pinned,
    snapshots: state.snapshotCount,
    last_sync: toIso(state.checkedAt),
    last_success: toIso(state.succeededAt),
    error: state.error ?? null,
  }
}

/** A snapshot in the API's words. */
export function toSnapshotView(snapshot: Snapshot, mirror: MirrorState): SnapshotView {
  return {
    name: snapshot.name,
    created_at: new Date(snapshot.createdAt).toISOString(),
    packages: snapshot.packageCount,
    bytes: snapshot.packageBytes,
    revision: snapshot.revision ?? null,
    current: snapshot.id === mirror.current?.id,
  }
}

function toIso(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString()
}

function json(value: unknown): TextReply {
  return createTextReply('application/json', `${JSON.stringify(value)}\n`)
}

function notFound(segments: readonly string[]): PinyonError {
  return new PinyonError('NOT_FOUND', `there is nothing at: /${['api', 'v1', ...segments].join('/')}`)
}
