import { readlinkSync, realpathSync, statSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'

/** Writers make several events of one change. */
const QUIET_MS = 100
/** For file systems that report nothing. */
const POLL_MS = 5000
/** As many as the kernel follows. */
const LINKS_MAX = 40

/** For tests, and file systems with other means. */
export interface WatchOptions {
  /** Reports what happens in a directory; default: `fs.watch`. */
  readonly watch?: (directory: string, onEvent: (name: string | null) => void) => FSWatcher
}

interface Watched {
  /** Which directory it was when the watching began. */
  readonly identity: string
  readonly watcher: FSWatcher
}

/**
 * Calls back, after 100 ms of quiet, whenever the content of a file may have changed: written in place, replaced by rename,
 * vanished, come back, or reached by other symbolic links (as those of a Kubernetes ConfigMap). Where the file system reports
 * nothing it is looked at every 5 s. Never keeps the process alive, and never throws: a file that is not there is waited for.
 *
 * @param file relative to the working directory of now, or absolute
 * @param onChange must not throw
 */
export function watchConfig(
  file: string,
  onChange: () => void,
  options: WatchOptions = {},
): { close(): void } {
  return new ConfigWatch(resolve(file), onChange, options.watch ?? watchDirectory)
}

class ConfigWatch {
  readonly #file: string
  readonly #onChange: () => void
  readonly #watch: NonNullable<WatchOptions['watch']>
  readonly #watched = new Map<string, Watched>()
  readonly #poll: NodeJS.Timeout
  /** The file's own name, and those of the links that lead to it. */
  #names: ReadonlySet<string> = new Set()
  #signature: string
  #quiet: NodeJS.Timeout | undefined
  /** Whether the file itself was touched, which need not show in its times. */
  #touched = false

  constructor(file: string, onChange: () => void, watch: NonNullable<WatchOptions['watch']>) {
    this.#file = file
    this.#onChange = onChange
    this.#watch = watch
    this.#refresh()
    this.#signature = readSignature(file)
    this.#poll = setInterval(() => this.#check(), POLL_MS).unref()
  }

  close(): void {
    clearInterval(this.#poll)
    clearTimeout(this.#quiet)
    for (const directory of this.#watched.keys()) this.#unwatch(directory)
  }

  #notice(name: string | null): void {
    const isOurs = name === null || this.#names.has(name)
    this.#touched ||= isOurs
    // Events of other files in a busy directory do not put it off.
    if (this.#quiet !== undefined && !isOurs) return
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => this.#settle(), QUIET_MS).unref()
  }

  #settle(): void {
    this.#quiet = undefined
    // Before the look, so that nothing happens between it and the watching.
    this.#refresh()
    const signature = readSignature(this.#file)
    const changed = this.#touched || signature !== this.#signature
    this.#touched = false
    this.#signature = signature
    if (changed) this.#onChange()
  }

  #check(): void {
    this.#refresh()
    if (readSignature(this.#file) !== this.#signature) this.#notice(null)
  }

  /** Watches the directories that matter now, and no others. */
  #refresh(): void {
    const { directories, names } = findPlaces(this.#file)
    this.#names = names
    for (const [directory, { identity }] of this.#watched)
      if (directories.get(directory) !== identity) this.#unwatch(directory)
    for (const [directory, identity] of directories) {
      if (this.#watched.has(directory)) continue
      try {
        const watcher = this.#watch(directory, (name) => this.#notice(name))
        watcher.on('error', () => this.#unwatch(directory))
        this.#watched.set(directory, { identity, watcher })
      } catch {
        // Gone again, or no more watches to be had: there is the poll.
      }
    }
  }

  #unwatch(directory: string): void {
    this.#watched.get(directory)?.watcher.close()
    this.#watched.delete(directory)
  }
}

function watchDirectory(directory: string, onEvent: (name: string | null) => void): FSWatcher {
  return watch(directory, { persistent: false }, (_event, name) => onEvent(name))
}

/** The directories, with what identifies each, in which something may happen to a file, and the names it may happen to. */
function findPlaces(file: string): { directories: Map<string, string>; names: Set<string> } {
  const directories = new Map<string, string>()
  const names = new Set<string>()
  let path = file
  for (let links = 0; links < LINKS_MAX; links++) {
    names.add(basename(path))
    addDirectory(directories, dirname(path))
    // Where the directory itself would be replaced.
    addDirectory(directories, dirname(dirname(path)))
    const target = attempt(() => readlinkSync(path))
    if (target === undefined) break
    path = resolve(dirname(path), target)
  }
  const real = attempt(() => realpathSync(file))
  if (real !== undefined) addDirectory(directories, dirname(real))
  return { directories, names }
}

/** Adds a directory, or the nearest one above it that is there. */
function addDirectory(directories: Map<string, string>, path: string): void {
  const stats = attempt(() => statSync(path, { bigint: true }))
  if (stats?.isDirectory() === true) directories.set(path, `${stats.dev}:${stats.ino}`)
  else if (dirname(path) !== path) addDirectory(directories, dirname(path))
}

function readSignature(file: string): string {
  const found = attempt(() => {
    const path = realpathSync(file)
    const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true })
    return [path, dev, ino, size, mtimeNs].join(' ')
  })
  return found ?? 'absent'
}

/** The outcome of a look at the file system; undefined when it fails, for whatever reason. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
