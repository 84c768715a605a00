import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { runCommand } from './run-command.ts'
import { tempDir } from './temp-dir.ts'

const SOURCE = new URL('disk-faults.c', import.meta.url).pathname

/** Kinds of calls that can fail, as disk-faults.c numbers them; `name` is what makes, renames or removes files, `open` any opening. */
const OPERATIONS = { write: 1, sync: 2, name: 4, open: 8, read: 16 } as const

/** What is to fail, and how. */
export interface DiskFault {
  readonly error: 'ENOSPC' | 'EIO' | 'EROFS' | 'EMFILE'
  readonly operations: readonly (keyof typeof OPERATIONS)[]
  /** So many calls succeed before. */
  readonly skip?: number
  /** Whether only one call fails; all further ones do unless told. */
  readonly once?: boolean
}

/** A disk that fails on command, for a program that is started with {@link env}. */
export class FaultyDisk {
  readonly env: Readonly<Record<string, string>>
  readonly #descriptor: number

  private constructor(library: string, file: string, directory: string) {
    this.env = { LD_PRELOAD: library, DISK_FAULTS: file, DISK_FAULTS_DIR: directory }
    this.#descriptor = openSync(file, 'w+')
    this.heal()
  }

  /** @returns undefined where nothing can be compiled */
  static async create(t: TestContext, directory: string): Promise<FaultyDisk | undefined> {
    const place = tempDir(t)
    const library = join(place, 'disk-faults.so')
    const args = ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl']
    const compiled = await runCommand('cc', args).catch(() => undefined)
    if (compiled?.code !== 0) return undefined
    const disk = new FaultyDisk(library, join(place, 'command'), directory)
    t.after(() => closeSync(disk.#descriptor))
    return disk
  }

  /** From now on calls fail. */
  fail({ error, operations, skip = 0, once = false }: DiskFault): void {
    const mask = operations.reduce((sum, name) => sum + OPERATIONS[name], 0)
    this.#write([constants.errno[error], mask, skip, once ? 0 : 1, 0, 0])
  }

  /** Nothing fails any more. Gives how many calls could have failed, and did. */
  heal(): { readonly seen: number; readonly failed: number } {
    const numbers = new Uint32Array(6)
    readSync(this.#descriptor, numbers, 0, numbers.byteLength, 0)
    this.#write([0, 0, 0, 0, 0, 0])
    return { seen: numbers[4] ?? 0, failed: numbers[5] ?? 0 }
  }

  #write(numbers: readonly number[]): void {
    writeSync(this.#descriptor, Uint32Array.from(numbers), 0, 24, 0)
  }
}
