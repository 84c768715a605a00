import { PinyonError } from '../model/errors.ts'
import type { MirrorState, Snapshot, SnapshotReader } from '../snapshot/store.ts'
import { createTextReply, type TextReply } from './reply.ts'

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

/** The configuration file, and why what it says now is not what runs; undefined when it does, or when no server runs. */
export interface ConfigurationState {
  readonly file: string
  readonly error: string | undefined
}

/**
 * Answers a GET below `/api/v1`: `configuration`, `mirrors`, `mirrors/<m>`, `mirrors/<m>/snapshots`, `mirrors/<m>/snapshots/<s>`.
 * @param segments what follows `/api/v1`
 * @throws PinyonError NOT_FOUND
 */
export async function answerApi(
  snapshots: SnapshotReader,
  segments: readonly string[],
  configuration: ConfigurationState,
): Promise<TextReply> {
  const [resource, mirror, list, name, ...rest] = segments
  if (resource === 'configuration' && mirror === undefined)
    return json({
      file: configuration.file,
      ok: configuration.error === undefined,
      error: configuration.error ?? null,
    })
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
