import type { SnapshotHistory, SnapshotReader } from '../snapshot/store.ts'
import type { TextReply } from './reply.ts'

/** Why what the configuration file says now is not what runs; undefined when it does, or when no server runs. */
export interface ConfigurationState {
  readonly error: string | undefined
  /** Absolute path of the file; only the socket's user is told. */
  readonly file?: string
}

/** What the API is answered from. */
export interface ApiContext {
  readonly snapshots: SnapshotReader & { readonly history: SnapshotHistory }
  readonly configuration: ConfigurationState
}

/** A GET of the API: what follows the resource's name, and the query. */
export interface ApiRequest {
  readonly rest: readonly string[]
  readonly query: URLSearchParams
}

/** Answers a GET of one resource; undefined for a path that leads nowhere. Throws PinyonError. */
export type ApiResource = (context: ApiContext, request: ApiRequest) => Promise<TextReply | undefined>
