/** A server that is measured. */
export interface Peer {
  readonly name: string
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  /** Of the process that serves. */
  readonly pid: number
  stop(): Promise<void>
}
