/** A server that is measured. */
export interface Peer {
  /** `nginx proxy_cache`. */
  readonly name: string
  /** The server whose samples its own are; itself unless told. */
  readonly as?: string
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  /** What stands before a file's path: `/repos/yum/<mirror>/<snapshot>`, or nothing. */
  readonly base: string
  /** Of the process that serves, or that those which do descend from. */
  readonly pid: number
  /** Ends it, and waits until it has. */
  stop(): Promise<void>
}

/** What a peer is started with. */
export interface PeerOptions {
  /** An empty directory for its configuration, cache and temporary files. */
  readonly dir: string
  /** What it caches, `http://127.0.0.1:<port>`; a peer that has a copy of its own never asks it. */
  readonly upstream: string
  /** The copy: what `upstream` serves. */
  readonly root: string
  /** The one core that it may use; undefined for all. */
  readonly core: number | undefined
}
