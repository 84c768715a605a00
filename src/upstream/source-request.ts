import type { Reach } from '../model/reach.ts'
import type { SourceStep } from '../model/source-step.ts'
import type { TemplateValues } from './fallback-url.ts'
import type { Validators } from './upstream.ts'

/** What one source is asked for. */
export interface SourceRequest {
  readonly signal?: AbortSignal
  /** What to fill a template with. */
  readonly values?: TemplateValues
  /** Whether caches on the way have to ask the source itself. */
  readonly isFresh?: boolean
  /** Of an earlier answer of this source. */
  readonly validators?: Validators
  /** Told of this request when it begins; it grows from then on. */
  readonly onStep?: (step: SourceStep) => void
  /** The rest of the file, from this byte on, where the source can give it. */
  readonly rest?: {
    readonly offset: number
    /** Of an earlier answer of this source: of another file the whole is wanted instead. */
    readonly etag?: string
    /** Bytes of the whole file, where they are known. */
    readonly size?: number
  }
}

/** What it answered. */
export interface SourceReply {
  readonly status: 200 | 304
  readonly validators: Validators
  /** How far in the network what it says may lead; absent for what is no host's. */
  readonly reach?: Reach
  /** Where the body begins in the file: 0, or the offset that was asked for. */
  readonly offset: number
  /** Bytes of the body, where it was announced. */
  readonly length: number | undefined
  /** Whether it is said to be a web page. */
  readonly isPage: boolean
  /** Bytes as they were transferred: never decoded. Throws PinyonError UPSTREAM_SHORT, _TIMEOUT or _UNREACHABLE. */
  readonly body: AsyncIterable<Uint8Array>
}
