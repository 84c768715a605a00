/**
 * What the commands of an operator cost on a large farm: `npm run bench:farm [MIRRORS SNAPSHOTS PACKAGES]`, by default 30 mirrors × 42
 * snapshots × 10,000 packages. Whole processes, with and without a server; times are of this machine, now.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { formatSnapshotName } from '../src/model/snapshot-name.ts'
import { mirrorName, writeFarm } from './farm-data.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
const ROUNDS = 3
const HOUR_MS = 3_600_000

const [mirrors = 30, snapshots = 42, packages = 10_000] = process.argv.slice(2).map(Number)
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
  measure('status', ['status'])
  measure('snapshots', ['snapshots', mirrorName(1)])
  measure('generations', ['generations'])
  measure('diff of neighbours', ['diff', mirrorName(1), before, newest])
  measure('diff of the ends', ['diff', mirrorName(1), first, newest])
  measure('gc --dry-run', ['gc', '--dry-run'])
  measure('gc, nothing to do', ['gc'])
  // Half of the snapshots are older than this.
  writeConfig(`${Math.round((snapshots / 2) * 8)}h`)
  run(['sync', '--json'])
  measure('gc --dry-run, half to go', ['gc', '--dry-run'])
  measure('gc, half to go', ['gc'], 1)
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
  const { status } = spawnSync(process.execPath, [MAIN, ...args, '--config', configFile], { stdio: 'ignore' })
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

async function startServer(): Promise<{ pid: number; stop: () => void; ended: Promise<unknown> }> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', configFile], {
    env: { ...process.env, PINYON_LOG: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  await once(createInterface(child.stdout), 'line')
  const pid = child.pid ?? 0
  process.stdout.write(
    `server ready in ${Math.round(performance.now() - startedAt)} ms, RSS ${rssOf(pid)} MiB\n`,
  )
  return { pid, stop: () => child.kill('SIGTERM'), ended }
}

function rssOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kib) / 1024)
}
