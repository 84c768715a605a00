/** One request of a source, as it went: a part of the story of a fill. Whoever is told of it may look at it again later, when more is known. */
export interface SourceStep {
  /** A base URL, without credentials. */
  readonly source: string
  /** The byte that it was asked to begin with. */
  readonly from: number
  /** Of its answer; absent for a source without HTTP, and before there is one. */
  status?: number
  /** Milliseconds until it answered; absent while it has not. */
  answeredMs?: number
  /** Of the body, so far. */
  bytes: number
  /** Milliseconds until its end; absent while it goes on. */
  ms?: number
  /** What was wrong with it; absent while nothing is. */
  why?: string
}
