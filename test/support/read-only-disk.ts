import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'

import { tempDir } from './temp-dir.ts'

const IMAGE_BYTES = 64 << 20

/** An ext4 file system of its own, which the kernel makes read-only when it finds an error, whoever has files open there. */
export class FailingFileSystem {
  readonly directory: string
  readonly #image: string

  private constructor(directory: string, image: string) {
    this.directory = directory
    this.#image = image
  }

  /** @returns undefined where none can be mounted, or made to fail */
  static create(t: TestContext): FailingFileSystem | undefined {
    let isMounted = false
    // Before its directory is removed, and though a server may still run there.
    t.after(() => isMounted && run('umount', '--lazy', directory))
    const directory = tempDir(t)
    const image = join(tempDir(t), 'image')
    writeFileSync(image, '')
    truncateSync(image, IMAGE_BYTES)
    const disk = new FailingFileSystem(directory, image)
    isMounted = run('mkfs.ext4', '-q', image) && disk.#mount()
    return isMounted ? disk : undefined
  }

  /** Tells the kernel of an error: from now on every write fails with EROFS. */
  fail(): void {
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
    const device = mounts.find((line) => line.split(' ')[1] === this.directory)?.split(' ')[0] ?? ''
    writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, '1')
  }

  /** What an operator does about that; nothing may run there. */
  mend(): void {
    execFileSync('umount', [this.directory])
    // 1: errors were corrected, which they are meant to be.
    const { status } = spawnSync('e2fsck', ['-p', '-f', this.#image])
    if (status === null || status > 1) throw new Error(`e2fsck ended with status ${status}`)
    if (!this.#mount()) throw new Error('it cannot be mounted again')
  }

  #mount(): boolean {
    return run('mount', '-o', 'loop,errors=remount-ro', this.#image, this.directory)
  }
}

const ATTEMPTS = 100

/**
 * Makes a directory read-only for whoever opens, makes, renames or removes something there; what is open for writing stays so, and is why the
 * kernel refuses to remount a file system that a server runs on.
 */
export class ReadOnlyCover {
  readonly #directory: string
  #isPut = false

  constructor(t: TestContext, directory: string) {
    this.#directory = directory
    t.after(() => this.lift())
  }

  /** Whether this can be done here. */
  isPossible(): boolean {
    const isDone = this.#mount()
    this.lift()
    return isDone
  }

  put(): void {
    // What is opened for writing between its two steps is in the way of the second.
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (this.#mount()) return
      this.lift()
    }
    throw new Error(`cannot be made read-only: ${this.#directory}`)
  }

  lift(): void {
    // What was opened meanwhile stays open.
    if (this.#isPut) execFileSync('umount', ['--lazy', this.#directory])
    this.#isPut = false
  }

  #mount(): boolean {
    this.#isPut = run('mount', '--bind', this.#directory, this.#directory)
    return this.#isPut && run('mount', '-o', 'remount,bind,ro', this.#directory)
  }
}

function run(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args).status === 0
}
