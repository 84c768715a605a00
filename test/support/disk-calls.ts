import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { parseDiskCalls, type DiskCall } from './disk-journal.ts'
import { runCommand } from './run-command.ts'
import { tempDir } from './temp-dir.ts'

const SOURCE = new URL('disk-calls.c', import.meta.url).pathname

/** Where disk-calls.c expects the numbers of its command, in bytes. */
const FIELDS = {
  when: 0,
  ordinal: 4,
  seen: 8,
  killed: 12,
  escaped: 16,
  halted: 24,
  busy: 28,
  key: 32,
} as const
const KEY_BYTES = 256
const COMMAND_BYTES = 4_096
const WHEN = { before: 1, after: 2 } as const

/** A call at which a process is killed: the n-th, from 1, of those that do the same in the same place. */
export interface KillPoint {
  /** As {@link DiskCall.key} has it: `fsync data/pinyon.db-wal`. */
  readonly key: string
  readonly ordinal: number
  readonly when: keyof typeof WHEN
}

/** Compiles the library that follows a program's calls; undefined where nothing can be compiled. */
export async function compileDiskCalls(t: TestContext): Promise<string | undefined> {
  const library = join(tempDir(t), 'disk-calls.so')
  const args = ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl', '-lpthread']
  const compiled = await runCommand('cc', args).catch(() => undefined)
  return compiled?.code === 0 ? library : undefined
}

/**
 * Follows what programs that are started with {@link env}, their threads and their children change below a directory, and kills one of them at a
 * call. Their fsyncs take no time: what they would have made durable is told by the journal.
 */
export class DiskCalls {
  readonly env: Readonly<Record<string, string>>
  readonly #journal: string
  readonly #command: string

  /** @param place a directory for its own two files, outside of the one that is followed */
  constructor(library: string, place: string, directory: string) {
    this.#command = join(place, 'command')
    this.#journal = join(place, 'journal')
    writeFileSync(this.#command, Buffer.alloc(COMMAND_BYTES))
    writeFileSync(this.#journal, '')
    this.env = {
      LD_PRELOAD: library,
      DISK_CALLS: this.#command,
      DISK_CALLS_DIR: directory,
      DISK_CALLS_JOURNAL: this.#journal,
      // Through it calls would be made that no library sees.
      UV_USE_IO_URING: '0',
    }
  }

  /** From now on calls are counted, and the one of this number is the last of its process. */
  arm({ key, ordinal, when }: KillPoint): void {
    const text = Buffer.alloc(KEY_BYTES)
    if (text.write(key) === KEY_BYTES) throw new Error(`too long for a key: ${key}`)
    this.#write(FIELDS.key, text)
    this.#write(FIELDS.ordinal, Uint32Array.of(ordinal, 0))
    this.#write(FIELDS.when, Uint32Array.of(WHEN[when]))
  }

  /** The process that was killed; undefined: none was. */
  get killed(): number | undefined {
    const id = this.#read(FIELDS.killed)
    return id === 0 ? undefined : id
  }

  /** Changes that were made in ways the library does not follow: a journal with any of them says too little. */
  get escaped(): number {
    return this.#read(FIELDS.escaped)
  }

  /**
   * Lets a call that is being made be made and written down, and kills whoever makes another. To be waited for before a process is killed from here:
   * between a call and its record the journal would say less than was done.
   */
  async halt(): Promise<void> {
    this.#write(FIELDS.halted, Uint32Array.of(1))
    while (isRunning(this.#read(FIELDS.busy))) await nextTurn()
  }

  /** Calls may be made again. */
  resume(): void {
    this.#write(FIELDS.halted, Uint32Array.of(0))
  }

  /** How long the journal is: what has been done by now lies below it. In bytes. */
  get position(): number {
    return statSync(this.#journal).size
  }

  /** Everything that was done so far. */
  read(): DiskCall[] {
    return parseDiskCalls(readFileSync(this.#journal))
  }

  #read(at: number): number {
    const number = new Uint32Array(1)
    this.#with('r', (descriptor) => readSync(descriptor, number, 0, 4, at))
    return number[0] ?? 0
  }

  #write(at: number, bytes: Uint8Array | Uint32Array): void {
    this.#with('r+', (descriptor) => writeSync(descriptor, bytes, 0, bytes.byteLength, at))
  }

  #with(flags: string, use: (descriptor: number) => void): void {
    const descriptor = openSync(this.#command, flags)
    try {
      use(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }
}

/** Whether there is a process of this number; 0 is none's. */
function isRunning(id: number): boolean {
  if (id === 0) return false
  try {
    return process.kill(id, 0)
  } catch {
    return false
  }
}
