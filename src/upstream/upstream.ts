import type { Digest } from '../model/digest.ts'
import type { PinyonError } from '../model/errors.ts'
import type { Reach } from '../model/reach.ts'
import type { SourceStep } from '../model/source-step.ts'
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
  /** How far in the network what it says may lead; absent for what is no host's. */
  readonly reach?: Reach
  /** How far those may lead who named the base URL: a metalink or mirrorlist; absent when the configuration did. */
  readonly named?: Reach
  /** Bytes as they were transferred: never decoded. Throws PinyonError UPSTREAM_SHORT, _TIMEOUT or _UNREACHABLE. */
  readonly body: UpstreamBody
}

/** The bytes of an answer. */
export interface UpstreamBody extends AsyncIterable<Uint8Array> {
  /** Tells whether all of them were right, once that is known: a source that lies is set aside. */
  judge?(isRight: boolean): void
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
  /** Ask none of these base URLs. */
  readonly except?: ReadonlySet<string>
  /** Whether it is not worth a second round: an answer is there already. */
  readonly isOptional?: boolean
  /** What upstream's present generation lists the file with: a base URL that has not got that is not asked for it again. */
  readonly digest?: Digest
  /** Base URLs that are asked only when no other gives the file: they have given other bytes before. */
  readonly doubted?: readonly string[]
  /** Bytes of the file, where they are known: a body that ends before is taken up again. */
  readonly size?: number
  /** Whether caches on the way have to ask the source itself: what they hold may be of another generation. */
  readonly isFresh?: boolean
  /** Whether a client waits: sources that are known to be down are then not tried again and again. */
  readonly isAwaited?: boolean
  /** What to fill base URLs that are templates with; those have nothing else. */
  readonly values?: TemplateValues
  /** Told of each request of a source when it begins: it grows from then on. */
  readonly onStep?: (step: SourceStep) => void
  /** Told of each base URL that is asked. */
  readonly onAsk?: (baseurl: string) => void
  /** Told of each base URL that did not give the file, and why. */
  readonly onRefusal?: (baseurl: string, error: PinyonError) => void
}

/** How one source of a mirror is; times are milliseconds from now. */
export interface SourceReport {
  /** Its base URL, without credentials. */
  readonly baseurl: string
  /** Of a mirror of several architectures: whose source it is. */
  readonly arch?: string
  /** `set aside`: others are asked before it; `down`: it is not asked until its back-off has passed. */
  readonly state: 'ok' | 'set aside' | 'down'
  /** Failures since it last gave a whole answer. */
  readonly failures: number
  /** When it is asked again; 0 for now. */
  readonly retryInMs: number
  /** Whether it has not answered, or only that it cannot, since it last gave something: right or wrong. */
  readonly isSilent: boolean
  /** Whether it is not asked because its host wants to be left alone, and has said until when. */
  readonly isResting: boolean
  /** Why it failed last. */
  readonly error: string | undefined
  /** Whether a metalink or mirrorlist names it, and not the configuration. */
  readonly isListed: boolean
  /** How long an answer takes to begin, in milliseconds, and how fast it comes; undefined while nothing was measured. */
  readonly latencyMs: number | undefined
  readonly bytesPerSecond: number | undefined
  /** The part of its requests that failed, from 0 to 1, of which the last ones count most. */
  readonly failureShare: number
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
  /** Tells which generation upstream shows, by any name: what sources had not got of another one they are asked for again. */
  beginGeneration?(name: string): void
  close(): Promise<void>
}
