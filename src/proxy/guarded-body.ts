import { PinyonError } from '../model/errors.ts'
import type { PackageCheck } from '../signature/package-check.ts'
import type { Body } from './body.ts'
import type { FileReply } from './reply.ts'
import type { PackageGate } from './package-gate.ts'

/** A body that is just coming, of a package whose signature has to be right: it is known to be so only with the digest. */
export function guardBody(body: Body, gate: PackageGate, { digest, path }: FileReply): Body {
  return {
    outcome: body.outcome,
    size: body.size,
    complete: body.complete,
    ...(body.progress === undefined ? {} : { progress: body.progress }),
    ...(body.bytesPerSecond === undefined ? {} : { bytesPerSecond: body.bytesPerSecond }),
    ...(body.lend === undefined ? {} : { lend: body.lend }),
    read: (target, position) => body.read(target, position),
    verified: async () => {
      const size = await body.verified()
      await gate.check(digest, path, body)
      return size
    },
    release: () => body.release(),
  }
}

/** The same of a body that can be read once, in order: what was not read when its digest is known is read ahead and kept for whoever reads on. */
export class GuardedPassage implements Body {
  readonly outcome: Body['outcome']
  readonly complete = false
  readonly isSequential = true
  readonly size: number
  readonly #body: Body
  readonly #gate: PackageGate
  readonly #file: Pick<FileReply, 'digest' | 'path'>
  #watch: ReturnType<PackageGate['watch']> | undefined
  #position = 0
  /** What was read ahead: no more than is held back, and where it begins. */
  #ahead: Buffer | undefined
  #aheadAt = 0

  constructor(body: Body & { readonly size: number }, gate: PackageGate, file: FileReply) {
    this.outcome = body.outcome
    this.size = body.size
    this.#body = body
    this.#gate = gate
    this.#file = file
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    if (this.#ahead !== undefined) return this.#ahead.subarray(position - this.#aheadAt).copy(target)
    const { check } = await this.#watching()
    return await this.#readOn(target, position, check)
  }

  async verified(): Promise<number> {
    const size = await this.#body.verified()
    if (this.#ahead !== undefined) return size
    const { check, end } = await this.#watching()
    this.#aheadAt = this.#position
    const ahead = Buffer.alloc(size - this.#position)
    for (let at = 0; at < ahead.length;) {
      const count = await this.#readOn(ahead.subarray(at), this.#position, check)
      if (count === 0)
        throw new PinyonError('STORE_FAILED', `a body ended early: ${at} of ${ahead.length} bytes`)
      at += count
    }
    end()
    this.#ahead = ahead
    return size
  }

  release(): void {
    this.#body.release()
  }

  async #readOn(target: Uint8Array, position: number, check: PackageCheck): Promise<number> {
    const count = await this.#body.read(target, position)
    check.update(target.subarray(0, count))
    this.#position = position + count
    return count
  }

  #watching(): ReturnType<PackageGate['watch']> {
    return (this.#watch ??= this.#gate.watch(this.#file.digest, this.#file.path))
  }
}
