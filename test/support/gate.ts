/** A point that something waits at until a test lets it through: what tests use where they would else sleep. */
export interface Gate {
  /** Resolves once the gate is open; at once when it is open already. */
  readonly opened: Promise<void>
  open(): void
}

/** A closed gate. */
export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}
