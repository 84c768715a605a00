import { statSync } from 'node:fs'

import { toPinyonError } from '../model/errors.ts'
import { NO_IDENTITY, readValidity, type Identity } from '../model/identity.ts'
import { formatInstant } from '../model/instant.ts'

/** Where an identity is from. */
export interface IdentitySource {
  /** As it was read last. */
  readonly first: Identity
  /** What it is read from; a change of one of them makes it read anew. */
  readonly files: readonly string[]
  /** Throws PinyonError saying which file is not as it should be, and how. */
  readonly read: () => Identity
  /** Told of each new state: what is wrong by now, or undefined when nothing is. */
  readonly onChange?: (problem: string | undefined) => void
  /** Milliseconds of a clock that only goes forward; the process's own unless told. */
  readonly now?: () => number
  /** Milliseconds since the epoch; the system's clock unless told. */
  readonly wallNow?: () => number
}

/** Files are looked at when they are needed, and not more often than that, in milliseconds. */
const LOOK_EVERY_MS = 1_000
/** So long before a client certificate expires its mirror says so, in milliseconds. */
const EXPIRY_NOTICE_MS = 7 * 86_400_000

/** An identity whose files may change under it: what they held last stays while what they hold now cannot be used. */
export class LiveIdentity {
  readonly #source: IdentitySource
  readonly #now: () => number
  #identity: Identity
  /** Of the files when they were read; at first nobody knows whether they are still what they were. */
  #signature: string | undefined
  #lookedAt = -Infinity
  #failure: string | undefined
  #told: string | undefined

  /** Does no I/O. */
  constructor(source: IdentitySource = { first: NO_IDENTITY, files: [], read: () => NO_IDENTITY }) {
    this.#source = source
    this.#now = source.now ?? (() => performance.now())
    this.#identity = source.first
  }

  /** The identity of now: the same object for as long as nothing has changed. */
  get current(): Identity {
    this.#look()
    return this.#identity
  }

  /** What is wrong with it, or soon will be, for people; holds no secret. Undefined when nothing is. */
  get problem(): string | undefined {
    this.#look()
    return this.#told
  }

  #look(): void {
    const { files, read, onChange } = this.#source
    const now = this.#now()
    if (files.length === 0 || now - this.#lookedAt < LOOK_EVERY_MS) return
    this.#lookedAt = now
    // Before they are read: what changes meanwhile is read once more.
    const signature = files.map(readSignature).join('\n')
    const isNew = signature !== this.#signature
    if (isNew || this.#failure !== undefined) {
      this.#signature = signature
      try {
        this.#identity = read()
        this.#failure = undefined
      } catch (error) {
        this.#failure = `the one read before is used: ${toPinyonError(error).message}`
      }
    }
    const problem = this.#failure ?? this.#describeExpiry()
    if (problem === this.#told) return
    this.#told = problem
    onChange?.(problem)
  }

  #describeExpiry(): string | undefined {
    const { cert } = this.#identity
    const validity = cert === undefined ? undefined : readValidity(cert)
    if (validity === undefined) return undefined
    const wallNow = (this.#source.wallNow ?? Date.now)()
    const [from, to] = [formatInstant(validity.from), formatInstant(validity.to)]
    if (wallNow < validity.from)
      return `its sslclientcert is not valid before ${from}: look at this machine's clock`
    if (wallNow > validity.to) return `its sslclientcert expired on ${to}: put a new one in its place`
    return wallNow > validity.to - EXPIRY_NOTICE_MS
      ? `its sslclientcert expires on ${to}: put a new one in its place`
      : undefined
  }
}

function readSignature(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch {
    return 'absent'
  }
}
