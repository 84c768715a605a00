import type { PinyonError } from '../model/errors.ts'
import type { TemplateValues } from './fallback-url.ts'

/** What makes a request conditional: an earlier answer's validators. */
export interface Validators {
  readonly etag?: string
  readonly lastModified?: string
}

/** A successful answer. Its body must be read to the end or be given up by ending the iteration. */
export interface UpstreamReply {
  /** 304 only when validators were sent; its body is empty. */
  readonly status: 200 | 304
  /** The base URL that answered, for the next request's validators and for messages. */
  readonly baseurl: string
  readonly validators: Validators
  /** Bytes as they were transferred: never decoded. Throws PinyonError UPSTREAM_SHORT, _TIMEOUT or _UNREACHABLE. */
  readonly body: AsyncIterable<Uint8Array>
}

/** How a file is asked for. */
export interface UpstreamRequest {
  readonly signal?: AbortSignal
  /** Of an earlier answer, and the base URL that gave it: only that one is asked conditionally. */
  readonly validators?: Validators & { readonly baseurl: string }
  /** The first base URL to ask, by its place in the list; further ones follow round robin. */
  readonly firstBaseurl?: number
  /** Ask only this base URL. */
  readonly onlyBaseurl?: string
  /** What to fill base URLs that are templates with; those have nothing else. */
  readonly values?: TemplateValues
  /** Told of each base URL that did not give the file, and why. */
  readonly onRefusal?: (baseurl: string, error: PinyonError) => void
}

/** Where bytes come from: the sources of one mirror. */
export interface Upstream {
  /** Without credentials, as they name a source in requests and replies. */
  readonly baseurls: readonly string[]
  /**
   * Gets one file, from the first source that has it, with the mirror's retries.
   * @throws PinyonError UPSTREAM_GONE when every source said that it has no such file, else the last source's trouble
   */
  get(href: string, request?: UpstreamRequest): Promise<UpstreamReply>
  close(): Promise<void>
}
