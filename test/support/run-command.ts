import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

export interface CommandResult {
  /** Exit status; -1 when a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly cwd?: string
  /** Added to the environment, over it. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Written to its standard input, which is empty otherwise. */
  readonly input?: string
  readonly signal?: AbortSignal
}

/** Runs a command in the C.UTF-8 locale to its end, whatever its exit status; rejects when it cannot be started. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...options.env },
    signal: options.signal,
    stdio: 'pipe',
  })
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? -1))
  })
  // A command that does not read its input may be gone before it is written.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input)
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

/** As {@link runCommand}, but a status other than 0 rejects with all that the command said. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await runCommand(command, args, options)
  if (result.code === 0) return result
  throw new Error(
    `${command} ${args.join(' ')} ended with status ${result.code}: ${result.stderr}${result.stdout}`,
  )
}
