/** How long connections may be idle, in milliseconds. */
export interface ConnectionTimes {
  /** Before their first request. */
  readonly requestMs: number
  /** Between requests, as clients are told; and how much longer than that, as a request may be under way. */
  readonly keepAliveMs: number
  readonly marginMs: number
  /** In the middle of an answer. */
  readonly idleMs: number
}

/** How long connections of clients may be idle. */
export const CONNECTION_TIMES: ConnectionTimes = {
  /** For a request to arrive, head and body. */
  requestMs: 30_000,
  /** Longer than any client keeps an idle connection, so that it is never us who closes the one it is about to use. */
  keepAliveMs: 120_000,
  /** So much longer they stay open, as node has it: a request may be under way. */
  marginMs: 1_000,
  /** A connection on which nothing moves in either direction is given up. */
  idleMs: 300_000,
}
