/** A generation that a job froze under a name of its own, with the time it is kept for. */
export interface View {
  readonly name: string
  readonly generation: number
  /** Milliseconds since the epoch, as the system's clock had it. */
  readonly createdAt: number
  /** Who asked first: an address, or what stands for none. */
  readonly client: string
  /** For how long each opening keeps it, in milliseconds. */
  readonly ttlMs: number
  /** How long it still lasts unless it is opened again, in milliseconds of the farm's clock. */
  readonly remainingMs: number
  /** When that will be, if nobody sets the system's clock: milliseconds since the epoch. */
  readonly endsAt: number
  /** How many snapshots it holds: one for each mirror that was in the index. */
  readonly snapshotCount: number
}

/** An opening of a view. */
export interface ViewOpening {
  /** How long to keep it from now, in milliseconds; as long as it was last told, or a day, unless given. More than 14 days are 14 days. */
  readonly ttlMs?: number
  /** Who asks: an address. */
  readonly client: string
}

/** Which views to give, by name. */
export interface ViewQuery {
  /** Only those whose names come after this one. */
  readonly after?: string
  /** At most so many; 100 unless told. */
  readonly limit?: number
}

/**
 * Views: the leases of jobs. A name stands for one generation from its first opening until it is ended, or was not opened for as long as its
 * ttl says. That time is the farm's clock's: no change of the system's time makes it longer or shorter; while the machine is off it may stand
 * still. A view lasts at most a second, or a hundredth of the ttl, longer than told, never shorter; only a power cut may take a renewal with
 * it, of at most a quarter of the ttl.
 */
export interface ViewStore {
  /** The most views there can be at a time. */
  readonly max: number
  /**
   * The generation that a name stands for. The first opening freezes the newest one, later ones repeat it and begin the ttl anew. Before
   * anything was published this is 0, and nothing is frozen: the first generation will be.
   * @throws PinyonError VIEWS_FULL when it would be one too many, of all or of one client: it may hold as many as are left for all others
   */
  open(name: string, opening: ViewOpening): Promise<number>
  /** Ends a view now; false when there is none. */
  end(name: string): Promise<boolean>
  /** Ends all views of a client now, of an IPv6 address those of its network; gives how many there were. */
  endAll(client: string): Promise<number>
  find(name: string): Promise<View | undefined>
  list(query?: ViewQuery): Promise<readonly View[]>
  /** How many there are. */
  count(): Promise<number>
  /** Forgets views that have ended, and notes the farm's clock, so that little of it is lost when the machine stops. Gives how many ended. */
  sweep(): Promise<number>
}
