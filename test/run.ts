/**
 * Runs the tests: `node test/run.ts [FILE|DIRECTORY…] [options of node --test]`, by default all of them. Every run has a
 * temporary directory of its own, an environment that holds nothing which could change results, and no network.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const ROOT = dirname(import.meta.dirname)
const FAILURES_REPORTER = 'support/failures-reporter.ts'
const PRELOADED = ['support/no-network.ts', 'support/deadline.ts']

/** For a test, with its subtests; support/deadline.ts has the one for files. */
const TEST_TIMEOUT_MS = 540_000

/** For the whole run: a file that never returns to its event loop notices no other timeout. */
const RUN_TIMEOUT_MS = 1_800_000

/** A file waits for child processes part of its time: with one a core, a sixth of two cores had nothing to do. */
const CONCURRENCY = availableParallelism() + 1

/** All that tests get of the caller's environment. */
const KEPT_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TERM',
  'CI',
  'NO_COLOR',
  'FORCE_COLOR',
  'PINYON_TESTS',
]

/** Options of node --test that take a value, which is not a file to run. */
const VALUED_OPTIONS = [
  'test-name-pattern',
  'test-skip-pattern',
  'test-reporter',
  'test-reporter-destination',
  'test-concurrency',
  'test-timeout',
]

process.exitCode = await run(process.argv.slice(2))

async function run(args: readonly string[]): Promise<number> {
  const temporary = mkdtempSync(join(tmpdir(), 'pinyon-test-'))
  try {
    return await runInGroup(process.execPath, commandLine(args), cleanEnvironment(temporary))
  } finally {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Runs a command as the leader of a process group, of which nothing is left in the end, and gives its exit status. */
async function runInGroup(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  })
  const signalGroup = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // All of it has ended.
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, signalGroup)
  const watchdog = setTimeout(() => {
    process.stderr.write(`the tests were ended, as they had not come to an end within ${RUN_TIMEOUT_MS} ms\n`)
    signalGroup('SIGKILL')
  }, RUN_TIMEOUT_MS)
  const [code] = (await once(child, 'exit')) as [number | null]
  clearTimeout(watchdog)
  signalGroup('SIGKILL')
  return code ?? 1
}

function commandLine(args: readonly string[]): string[] {
  const { files, options } = splitArguments(args)
  const reporter = options.some((option) => option.startsWith('--test-reporter'))
    ? []
    : [
        `--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`,
        '--test-reporter-destination=stdout',
        `--test-reporter=${new URL(FAILURES_REPORTER, import.meta.url).href}`,
        '--test-reporter-destination=stderr',
      ]
  return [
    '--test',
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    `--test-concurrency=${CONCURRENCY}`,
    ...reporter,
    ...options,
    ...(files.length === 0 ? ['test/**/*.test.ts'] : files.map(expandDirectory)),
  ]
}

function splitArguments(args: readonly string[]): { files: string[]; options: string[] } {
  const options = Object.fromEntries(VALUED_OPTIONS.map((name) => [name, { type: 'string' as const }]))
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  })
  const files = tokens.filter((token) => token.kind === 'positional')
  const positions = new Set(files.map((token) => token.index))
  return {
    files: files.map((token) => token.value),
    options: args.filter((arg, index) => !positions.has(index) && arg !== '--'),
  }
}

function expandDirectory(path: string): string {
  const isDirectory = statSync(join(ROOT, path), { throwIfNoEntry: false })?.isDirectory()
  return isDirectory === true ? join(path, '**/*.test.ts') : path
}

function cleanEnvironment(temporary: string): Record<string, string> {
  const kept = KEPT_VARIABLES.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const binaries = join(ROOT, 'node_modules/.bin')
  return {
    ...Object.fromEntries(kept),
    PATH: [binaries, process.env['PATH'] ?? ''].join(delimiter),
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    TMPDIR: temporary,
    // Hundreds of processes and threads are started: what type stripping gives is made once.
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/pinyon-test'),
    NODE_OPTIONS: PRELOADED.map((path) => `--import=${new URL(path, import.meta.url).href}`).join(' '),
  }
}
