/**
 * What the pages cost on a large farm: `npm run bench:dashboard [MIRRORS SNAPSHOTS PACKAGES]`, by default 1,000 mirrors × 100 snapshots ×
 * 200 packages. Each page is made anew; times are of this machine, now.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { formatSnapshotName } from '../src/model/snapshot-name.ts'
import { mirrorName, writeFarm } from './farm-data.ts'
import { parseNumbers, readArguments } from '../test/support/script-arguments.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
const TURNS = new URL('./turns.ts', import.meta.url).pathname
const COMPILE_CACHE = new URL('../node_modules/.cache/pinyon', import.meta.url).pathname
const HOUR_MS = 3_600_000
const ROUNDS = 5

const [mirrors = 1_000, snapshots = 100, packages = 200] = readArguments(import.meta.filename, (args) =>
  parseNumbers(args, 3),
)
const newestAt = Date.now() - HOUR_MS
const dir = mkdtempSync(join(tmpdir(), 'pinyon-dashboard-'))
const configFile = join(dir, 'pinyon.yaml')
const mirror = mirrorName(Math.ceil(mirrors / 2))
const newest = formatSnapshotName(newestAt)
const before = formatSnapshotName(newestAt - 8 * HOUR_MS)

const PAGES: readonly (readonly [string, string])[] = [
  ['farm', '/'],
  ['farm, filtered', '/?q=05&sort=used'],
  ['farm, last page', '/?page=10'],
  ['mirror', `/mirrors/${mirror}`],
  ['snapshots', `/mirrors/${mirror}/snapshots`],
  ['snapshot', `/mirrors/${mirror}/snapshots/${newest}`],
  ['snapshot, search', `/mirrors/${mirror}/snapshots/${newest}?q=package-1`],
  ['snapshot, search in vain', `/mirrors/${mirror}/snapshots/${newest}?q=nothing`],
  ['package', `/mirrors/${mirror}/packages/package-0`],
  ['diff', `/mirrors/${mirror}/diff?from=${before}&to=${newest}`],
  ['generations', '/generations'],
  ['generations of a mirror', `/generations?mirror=${mirror}`],
  ['generation', `/generations/${mirrors * 50}`],
  ['usage', '/usage'],
  ['views', '/views'],
  ['set me up', '/setup'],
  ['setup.repo', '/setup.repo'],
  ['checks and failures', '/activity'],
  ['search', '/search?q=package-150'],
  ['attention, as JSON', '/api/v1/attention'],
  ['figures', '/metrics'],
]

try {
  process.stdout.write(
    `node ${process.version}, ${mirrors} mirrors × ${snapshots} snapshots × ${packages} packages\n`,
  )
  writeFarm(join(dir, 'data'), { mirrors, snapshots, packages, cached: 0, newestAt, isEmpty: true })
  const names = Array.from({ length: mirrors }, (_, at) => mirrorName(at + 1))
  const entries = names.map((name) => [name, { baseurl: 'http://127.0.0.1:9/', retries: 0 }])
  const config = {
    listen: '127.0.0.1:0',
    data_dir: './data',
    sync_interval: 'off',
    mirrors: Object.fromEntries(entries),
  }
  writeFileSync(configFile, JSON.stringify(config))
  const child = spawn(process.execPath, ['--import', TURNS, MAIN, 'serve', '--config', configFile], {
    // As npm start and the image have it.
    env: { ...process.env, PINYON_LOG: 'silent', NODE_COMPILE_CACHE: COMPILE_CACHE },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors = createInterface(child.stderr)
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const url = / on (\S+)$/.exec(line)?.[1] ?? ''
  const longestTurn = async () => {
    child.kill('SIGUSR2')
    const [turn] = (await once(errors, 'line')) as [string]
    return turn.replace('turn ', '')
  }
  // What a start has to do is done.
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  for (let number = 0; number < 300; number += 1)
    await fetch(`${url}/repos/views/job-${number}/all_latest.json`).then((answer) => answer.arrayBuffer())
  for (const [name, path] of PAGES) {
    const times: number[] = []
    await longestTurn()
    let [status, length, sent] = [0, 0, 0]
    for (let round = 0; round < ROUNDS; round += 1) {
      const anew = `${path.includes('?') ? '&' : '?'}anew=${round}`
      const startedAt = performance.now()
      const answer = await fetch(`${url}${path}${anew}`)
      length = (await answer.arrayBuffer()).byteLength
      times.push(performance.now() - startedAt)
      status = answer.status
      sent = Number(answer.headers.get('content-length'))
    }
    const shown = times.map((ms) => ms.toFixed(0)).join(', ')
    process.stdout.write(
      `${name.padEnd(26)} ${status} ${shown.padEnd(24)} ms, longest turn ${await longestTurn()} ms, ${length} bytes, ${sent} sent\n`,
    )
  }
  const etag = (await fetch(url)).headers.get('etag') ?? ''
  const startedAt = performance.now()
  for (let number = 0; number < 500; number += 1)
    await fetch(url, { headers: { 'If-None-Match': etag } }).then((answer) => answer.arrayBuffer())
  process.stdout.write(
    `not modified               ${((performance.now() - startedAt) / 500).toFixed(2)} ms each\n`,
  )
  child.kill('SIGTERM')
  await once(child, 'exit')
} finally {
  rmSync(dir, { recursive: true, force: true })
}
