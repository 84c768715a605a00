import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { findTool } from '../../support/tools.ts'
import { INSTALLED } from './slave.ts'

/** The shells that slaves have, those that this machine has. */
export const SHELLS = ['dash', 'bash', 'busybox'].filter((name) => findTool(name) !== undefined)

/** How the client ended and what it said. */
export interface ClientResult {
  /** Exit status; -1 when a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** How to run it. */
export interface ClientOptions {
  /** One of {@link SHELLS}. */
  readonly shell?: string
  /** Directories that come before others on its PATH, or all of it when `wholePath`. */
  readonly path?: readonly string[]
  readonly wholePath?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Another script than the slave's own; `-` reads `input`, as from a pipe. */
  readonly script?: string
  readonly input?: string
  readonly cwd?: string
  /** A command that runs the shell, such as `unshare`. */
  readonly wrap?: readonly string[]
  /** Returns when the shell has ended, whatever it has started, and does not hear what was said. */
  readonly unheard?: boolean
}

/** The client on one slave's root, with directories of commands that it needs. */
export class Client {
  readonly root: string
  readonly server: string
  readonly #bin: string

  /** `scratch` gets the directories of commands. */
  constructor(root: string, server: string, scratch: string) {
    this.root = root
    this.server = server
    this.#bin = scratch
  }

  /** Where the journal is. */
  get journal(): string {
    return join(this.root, 'var/lib/pinyon')
  }

  get isOpen(): boolean {
    return existsSync(join(this.journal, 'open'))
  }

  /** Runs a command of the client on this root to its end, in a process group of its own. */
  async run(args: readonly string[], options: ClientOptions = {}): Promise<ClientResult> {
    const { shell = 'dash', script = join(this.root, INSTALLED) } = options
    const [command = '', ...rest] = args
    const [program, ...before] = shell === 'busybox' ? ['busybox', 'sh'] : [shell]
    const own = [...(options.path ?? []), this.#shellDirectory(shell)]
    const path = options.wholePath === true ? own : [...own, process.env['PATH'] ?? '']
    const all = [...before, ...(script === '-' ? ['-s', '--'] : [script])]
    const words = [findTool(program ?? '') ?? '', ...all, command, '--root', this.root, ...rest]
    const [first = '', ...others] = [...(options.wrap ?? []), ...words]
    const child = spawn(first, others, {
      detached: true,
      cwd: options.cwd ?? '/',
      env: { PATH: path.join(':'), PINYON_SERVER: this.server, ...options.env },
      stdio: options.unheard === true ? 'ignore' : 'pipe',
    })
    if (child.stdin === null || child.stdout === null || child.stderr === null) {
      const [code] = (await once(child, 'exit')) as [number | null]
      return { code: code ?? -1, stdout: '', stderr: '' }
    }
    const ended = once(child, 'close') as Promise<[number | null]>
    child.stdin.on('error', () => {})
    child.stdin.end(options.input)
    const [[code], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    return { code: code ?? -1, stdout, stderr }
  }

  /** As {@link run}; another status than 0 is an error that holds what was said. */
  async must(args: readonly string[], options: ClientOptions = {}): Promise<ClientResult> {
    const result = await this.run(args, options)
    if (result.code === 0) return result
    throw new Error(`client.sh ${args.join(' ')} ended with ${result.code}: ${result.stderr}`)
  }

  /** A directory whose `sh` is that shell: the client starts its copies with it. */
  #shellDirectory(shell: string): string {
    const directory = join(this.#bin, `as-${shell}`)
    if (existsSync(directory)) return directory
    mkdirSync(directory, { recursive: true })
    symlinkSync(findTool(shell) ?? '', join(directory, 'sh'))
    return directory
  }
}

/** All commands from outside the shell that the client runs. */
export const COMMANDS =
  'awk basename cat chcon chmod chown cksum cp curl date ln ls mkdir mv readlink rm rmdir sed sha256sum sleep sort stat sync touch tr uname'.split(
    ' ',
  )

/** The n-th command that the client runs kills it. */
export interface CrashPoint {
  readonly at: number
  readonly when: 'before' | 'after'
  /** Its shell alone; else all of its process group. */
  readonly alone?: boolean
}

// Commands of a pipeline run at once: a number is taken by making a file of that name, which only one of them can.
const SHIM = `#!${findTool('dash') ?? '/bin/sh'}
n=1
[ -e "$CRASH_COUNTS/last" ] && read -r n <"$CRASH_COUNTS/last"
set -C
until { true >"$CRASH_COUNTS/\${n:=1}"; } 2>/dev/null; do n=$((n + 1)); done
set +C
echo "$n" >"$CRASH_COUNTS/last"
[ "$n" = "$CRASH_AT" ] || exec "REAL/\${0##*/}" "$@"
echo "\${0##*/} $*" >"$CRASH_COUNTS/where"
[ "$CRASH_WHEN" = after ] && "REAL/\${0##*/}" "$@"
read -r _ _ _ _ group _ </proc/$$/stat
[ "$CRASH_ALONE" = yes ] && kill -9 "$group" && exec "REAL/\${0##*/}" "$@"
kill -9 0
`

/** Commands in the place of the client's that count, and kill it when told. */
export class CrashingCommands {
  readonly #directory: string
  readonly #counts: string

  constructor(scratch: string) {
    this.#directory = join(scratch, 'crashing')
    const real = join(scratch, 'real')
    this.#counts = join(scratch, 'counts')
    mkdirSync(this.#directory, { recursive: true })
    mkdirSync(real, { recursive: true })
    const shim = join(this.#directory, 'shim')
    writeFileSync(shim, SHIM.replaceAll('REAL', real))
    chmodSync(shim, 0o755)
    for (const name of COMMANDS) {
      const tool = findTool(name)
      if (tool === undefined) continue
      symlinkSync(tool, join(real, name))
      symlinkSync('shim', join(this.#directory, name))
    }
  }

  /** Options for {@link Client.run} that let it crash there. */
  at(point: CrashPoint): { path: string[]; env: Record<string, string> } {
    rmSync(this.#counts, { recursive: true, force: true })
    mkdirSync(this.#counts)
    return {
      path: [this.#directory],
      env: {
        CRASH_COUNTS: this.#counts,
        CRASH_AT: String(point.at),
        CRASH_WHEN: point.when,
        CRASH_ALONE: point.alone === true ? 'yes' : 'no',
      },
    }
  }

  /** How many commands the last run began. */
  count(): number {
    return readdirSync(this.#counts).filter((name) => /^\d+$/.test(name)).length
  }

  /** The command at which the last crash was; undefined when there was none. */
  where(): string | undefined {
    const file = join(this.#counts, 'where')
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  }
}
