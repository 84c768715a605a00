import type Database from 'better-sqlite3'

import { currentAnchor, type ClockAnchor } from '../../system/farm-clock.ts'
import type { MachineClock } from '../../system/machine-clock.ts'
import { prepareClock, type ClockStatements } from './sql-views.ts'

/** The farm's clock, kept in the database, so that processes agree on it and a restart does not move it. */
export class StoredClock {
  readonly #statements: ClockStatements
  readonly #machine: MachineClock
  /** What this process has said last: it never goes back on it. */
  #said: ClockAnchor | undefined

  constructor(database: Database.Database, machine: MachineClock) {
    this.#statements = prepareClock(database)
    this.#machine = machine
  }

  /** What the farm's clock says, in milliseconds; 0 before it was noted for the first time. Writes nothing. */
  nowMs(): number {
    const noted = this.#noted()
    // Nobody else could know of a beginning that is not noted.
    if (noted === undefined && this.#said === undefined) return 0
    return this.#say(noted).farmMs
  }

  /** As {@link nowMs}, and notes it in the database; inside a transaction that writes. */
  note(): number {
    const said = this.#say(this.#noted())
    if (this.#statements.move.run(said).changes === 0) this.#statements.begin.run(said)
    return said.farmMs
  }

  /** Milliseconds since the epoch, as the system's clock has it. */
  wallMs(): number {
    return this.#machine().wallMs
  }

  #noted(): ClockAnchor | undefined {
    return this.#statements.anchor.get() as ClockAnchor | undefined
  }

  #say(noted: ClockAnchor | undefined): ClockAnchor {
    return (this.#said = currentAnchor(noted, this.#said, this.#machine()))
  }
}
