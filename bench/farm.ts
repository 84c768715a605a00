/**
 * What the commands of an operator cost on a large farm: `npm run bench:farm [MIRRORS SNAPSHOTS PACKAGES]`, by default 30 mirrors × 42
 * snapshots × 10,000 packages. Whole processes, with and without a server; times are of this machine, now.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { formatSnapshotName } from '../src/model/snapshot-name.ts'
import { mirrorName, writeFarm } from './farm-data.ts'
import { parseNumbers, readArguments } from '../test/support/script-arguments.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
const TURNS = new URL('./turns.ts', import.meta.url).pathname
/** As npm's scripts start node: without it, each command spends 0.1 s on compiling. */
const ENV = {
  ...process.env,
  NODE_COMPILE_CACHE: new URL('../node_modules/.cache/pinyon', import.meta.url).pathname,
}
const ROUNDS = 3
const HOUR_MS = 3_600_000

const [mirrors = 30, snapshots = 42, packages = 10_000] = readArguments(import.meta.filename, (args) =>
  parseNumbers(args, 3),
)
const newestAt = Date.now() - HOUR_MS
const dir = mkdtempSync(join(tmpdir(), 'pinyon-farm-'))
const configFile = join(dir, 'pinyon.yaml')
try {
  process.stdout.write(
    `node ${process.version}, ${mirrors} mirrors × ${snapshots} snapshots × ${packages} packages\n`,
  )
  const startedAt = performance.now()
  const cached = Math.round(packages / 20)
  writeFarm(join(dir, 'data'), { mirrors, snapshots, packages, cached, newestAt })
  writeConfig('14d')
  const bytes = statSync(join(dir, 'data/pinyon.db')).size
  process.stdout.write(
    `made in ${Math.round(performance.now() - startedAt)} ms; database ${(bytes / 2 ** 20).toFixed(1)} MiB\n`,
  )
  const server = await startServer()
  const before = formatSnapshotName(newestAt - 8 * HOUR_MS)
  const first = formatSnapshotName(newestAt - (snapshots - 1) * 8 * HOUR_MS)
  const newest = formatSnapshotName(newestAt)
  await server.longestTurn('at the start')
  measure('gc, first of a process', ['gc'], 1)
  await server.longestTurn('in it')
  measure('status', ['status'])
  measure('snapshots', ['snapshots', mirrorName(1)])
  measure('generations', ['generations'])
  measure('diff of neighbours', ['diff', mirrorName(1), before, newest])
  measure('diff of the ends', ['diff', mirrorName(1), first, newest])
  await server.longestTurn('in these')
  measure('gc --dry-run', ['gc', '--dry-run'])
  await server.longestTurn('in these')
  measure('gc, nothing to do', ['gc'])
  await server.longestTurn('in these')
  // Half of the snapshots are older than this.
  writeConfig(`${Math.round((snapshots / 2) * 8)}h`)
  run(['sync', '--json'])
  await server.longestTurn('of a new configuration and syncs that fail')
  measure('gc --dry-run, half to go', ['gc', '--dry-run'])
  await server.longestTurn('in these')
  const calm = await watchLatency(server.url, () => new Promise((resolve) => setTimeout(resolve, 1_000)))
  await server.longestTurn('of a second of index requests')
  const goneAt = performance.now()
  const busy = await watchLatency(server.url, async () => {
    await runBeside(['gc'])
    process.stdout.write(`gc, half to go               ${Math.round(performance.now() - goneAt)} ms\n`)
    // Waits for its turn.
    await runBeside(['gc', '--wait'])
  })
  process.stdout.write(`gc after it, until it ended  ${busy.ms} ms\n`)
  process.stdout.write(
    `index meanwhile              p99 ${busy.p99} ms, max ${busy.max} ms (calm: p99 ${calm.p99} ms, max ${calm.max} ms)\n`,
  )
  await server.longestTurn('in both, with index requests')
  process.stdout.write(`server: RSS ${rssOf(server.pid)} MiB\n`)
  server.stop()
  await server.ended
} finally {
  rmSync(dir, { recursive: true, force: true })
}

function writeConfig(maxAge: string): void {
  const names = Array.from({ length: mirrors }, (_, index) => mirrorName(index + 1))
  const entries = names.map((name) => [name, { baseurl: 'http://127.0.0.1:9/', retries: 0 }])
  const retention = { max_age: maxAge, keep_used: '0s' }
  const config = { listen: '127.0.0.1:0', data_dir: './data', sync_interval: 'off', retention }
  writeFileSync(configFile, JSON.stringify({ ...config, mirrors: Object.fromEntries(entries) }))
}

function run(args: readonly string[]): number {
  const { status } = spawnSync(process.execPath, [MAIN, ...args, '--config', configFile], {
    env: ENV,
    stdio: 'ignore',
  })
  return status ?? -1
}

function measure(what: string, args: readonly string[], rounds = ROUNDS): void {
  const times = Array.from({ length: rounds }, () => {
    const startedAt = performance.now()
    const status = run(args)
    return `${Math.round(performance.now() - startedAt)} ms${status === 0 ? '' : ` (exit ${status})`}`
  })
  process.stdout.write(`${what.padEnd(28)} ${times.join(', ')}\n`)
}

async function runBeside(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [MAIN, ...args, '--config', configFile], {
    env: ENV,
    stdio: 'ignore',
  })
  await once(child, 'exit')
}

/** How long the server takes for the index while something runs, asked again and again over one connection. */
async function watchLatency(url: string, action: () => Promise<void>): Promise<Latency> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  let running = true
  const startedAt = performance.now()
  const acting = action().finally(() => (running = false))
  while (running) {
    const askedAt = performance.now()
    await new Promise<void>((resolve, reject) => {
      const sent = get(`${url}/repos/yum/all_latest.json`, { agent }, (reply) =>
        reply.resume().once('end', resolve),
      )
      sent.once('error', reject)
    })
    times.push(performance.now() - askedAt)
  }
  await acting
  agent.destroy()
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  return { ms: Math.round(performance.now() - startedAt), p99: at(0.99), max: at(1) }
}

interface Latency {
  readonly ms: number
  readonly p99: string
  readonly max: string
}

async function startServer(): Promise<{
  pid: number
  url: string
  /** Prints the longest turn of its event loop since this was called last, in processor time. */
  longestTurn: (since: string) => Promise<void>
  stop: () => void
  ended: Promise<unknown>
}> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--import', TURNS, MAIN, 'serve', '--config', configFile], {
    env: { ...ENV, PINYON_LOG: 'error' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors = createInterface(child.stderr)
  const ended = once(child, 'exit')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const url = / on (\S+)$/.exec(line)?.[1] ?? ''
  const pid = child.pid ?? 0
  process.stdout.write(
    `server ready in ${Math.round(performance.now() - startedAt)} ms, RSS ${rssOf(pid)} MiB\n`,
  )
  const longestTurn = async (since: string) => {
    child.kill('SIGUSR2')
    const [turn] = (await once(errors, 'line')) as [string]
    process.stdout.write(
      `longest turn of the server   ${turn.replace('turn ', '')} ms of its thread, ${since}\n`,
    )
  }
  return { pid, url, longestTurn, stop: () => child.kill('SIGTERM'), ended }
}

function rssOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kib) / 1024)
}
