/** A section that an index wants to see in a configuration. */
export interface InsertedMirror {
  /** Section id. */
  readonly id: string
  /** Absolute. */
  readonly url: string
}

/** What an index says, all includes resolved. */
export interface MirrorMap {
  /** Section id -> URL, absolute. */
  readonly mirrors: ReadonlyMap<string, string>
  /** Sections to put before the one of this id: `before:` directives. */
  readonly before: ReadonlyMap<string, readonly InsertedMirror[]>
  /** Ids of mirrors whose server says that their signed metadata send clients past it; none unless told. */
  readonly elsewhere?: ReadonlySet<string>
}
