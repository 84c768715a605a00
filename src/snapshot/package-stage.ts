import Database from 'better-sqlite3'

import { climbOfStored } from '../model/snapshot-path.ts'
import type { PackageRecord } from '../model/repodata.ts'
import { shortenSource } from '../model/source-package.ts'
import { hashHref } from './database.ts'
import { HashSet } from './hash-set.ts'
import {
  CREATE_STAGE,
  INDEX_STAGE,
  prepareStage,
  STAGED_AT_ONCE,
  STAGED_VALUES,
  type StageStatements,
} from './sql.ts'
import type { Defect } from './store.ts'

/** As many duplicate hrefs as are worth naming. */
const MAX_DUPLICATES = 20

const WAITING_VALUES = STAGED_AT_ONCE * STAGED_VALUES

/**
 * The packages of a candidate while they are read, in a database file of their own: no transaction of the real one waits for upstream's
 * primary. Not durable; what is left of it after a crash is swept.
 */
export class PackageStage {
  readonly #database: Database.Database
  readonly #statements: StageStatements
  readonly #hashes = new HashSet()
  readonly #duplicates: Defect[] = []
  /** The values of those that are still to be written. */
  #waiting: (string | number | null)[] = []
  #indexed = false
  #climb = 0

  /** @param file a path where nothing is yet */
  constructor(file: string) {
    this.#database = new Database(file)
    this.#database.exec(CREATE_STAGE)
    this.#statements = prepareStage(this.#database)
    this.#database.exec('BEGIN')
  }

  /** Adds packages. Of two entries for one href the first stands; a second with another digest is a defect. */
  add(packages: readonly PackageRecord[]): void {
    for (const one of packages) {
      const { href, checksum, size = null, name, epoch, version, release, arch } = one
      const hash = hashHref(href)
      if (!this.#hashes.add(hash) && this.#isDuplicate(hash, one)) continue
      this.#climb = Math.max(this.#climb, climbOfStored(href))
      const source = shortenSource(one)
      this.#waiting.push(hash, href, checksum, size, name, epoch, version, release, arch, source)
      if (this.#waiting.length === WAITING_VALUES) this.#writeWaiting()
    }
  }

  /** The most directories above the repository's root that one of them lies in. */
  get climb(): number {
    return this.#climb
  }

  /**
   * Makes the file ready to be attached and gives the duplicates that contradict each other.
   * @param isSearched whether it will be looked up by href: for the first packages of a mirror it is only read
   */
  finish({ isSearched }: { readonly isSearched: boolean }): readonly Defect[] {
    this.#writeWaiting()
    if (isSearched) this.#index()
    this.#database.exec('COMMIT')
    this.#database.close()
    return this.#duplicates
  }

  /** Lets go of the file; harmless after {@link finish}. */
  close(): void {
    this.#database.close()
  }

  /** Same hash, so probably the same href: real repositories list one twice. */
  #isDuplicate(hash: number, { href, checksum }: PackageRecord): boolean {
    // Indexing what comes is slower than indexing what is there; but duplicates must not cost a scan each.
    this.#writeWaiting()
    this.#index()
    const first = this.#statements.incomingDigest.get(hash, href) as { digest: string } | undefined
    if (first === undefined) return false
    if (first.digest !== checksum && this.#duplicates.length < MAX_DUPLICATES) {
      const message = `primary lists ${href} twice: ${first.digest} and ${checksum}; the first stands`
      this.#duplicates.push({ path: href, kind: 'duplicate', message })
    }
    return true
  }

  #writeWaiting(): void {
    const values = this.#waiting
    this.#waiting = []
    if (values.length === WAITING_VALUES) this.#statements.addManyIncoming.run(values)
    else
      for (let at = 0; at < values.length; at += STAGED_VALUES)
        this.#statements.addIncoming.run(values.slice(at, at + STAGED_VALUES))
  }

  #index(): void {
    if (this.#indexed) return
    this.#database.exec(INDEX_STAGE)
    this.#indexed = true
  }
}
