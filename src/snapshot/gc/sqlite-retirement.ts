import type Database from 'better-sqlite3'

import { PinyonError } from '../../model/errors.ts'
import type { StoredClock } from '../views/stored-clock.ts'
import { prepareRetirement, type RetirementStatements } from './sql-gc.ts'
import { runWrite } from '../write-transaction.ts'

interface HeldRow {
  readonly id: number
  readonly mirrorId: number
  readonly isCurrent: number
  readonly isPinned: number
  readonly isNewest: number
  readonly views: number
}

/** Retires single snapshots on demand, whatever their age. */
export class SqliteRetirement {
  readonly #database: Database.Database
  readonly #statements: RetirementStatements
  readonly #clock: StoredClock

  constructor(database: Database.Database, clock: StoredClock) {
    this.#database = database
    this.#statements = prepareRetirement(database)
    this.#clock = clock
  }

  /** See SnapshotWriter.retire. What only this snapshot listed is left to the next collection. */
  async retire(mirror: string, name: string, nowMs: number): Promise<void> {
    const farmNowMs = this.#clock.nowMs()
    const retire = () => {
      const found = this.#statements.held.get({ mirror, name, farmNowMs }) as HeldRow | undefined
      if (found === undefined)
        throw new PinyonError('NOT_FOUND', `${mirror} has no snapshot: ${JSON.stringify(name)}`)
      refuseHeld(mirror, name, found)
      const { id, mirrorId } = found
      this.#statements.retire.run({ id, nowMs })
      this.#statements.forgetFiles.run({ id })
      this.#statements.forgetExtras.run({ id })
      this.#statements.forgetDefects.run({ id })
      this.#statements.markUnswept.run({ mirrorId })
    }
    await runWrite(this.#database, retire, { durable: true })
  }
}

function refuseHeld(mirror: string, name: string, { isCurrent, isPinned, isNewest, views }: HeldRow): void {
  const reasons = [
    ...(isCurrent === 1 ? ['current'] : []),
    ...(isPinned === 1 ? ['pinned'] : []),
    ...(isNewest === 1 ? ['the newest'] : []),
    ...(views === 0 ? [] : [views === 1 ? 'in a live view' : `in ${views} live views`]),
  ]
  if (reasons.length === 0) return
  const message = `the snapshot ${name} of ${mirror} is not retired, it is ${reasons.join(', ')}`
  throw new PinyonError('SNAPSHOT_IN_USE', message)
}
