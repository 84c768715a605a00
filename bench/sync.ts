/**
 * What a sync costs: `node bench/sync.ts [PACKAGES]`, 65,000 unless told. Prints, run by run and interleaved: `gunzip | sha256sum` of the
 * primary; a whole `pinyon sync` process for the first snapshot, its ratio to that and its peak memory; the next snapshot, of which a
 * hundred packages changed, and by how much it made the database grow; and the look that finds nothing, in a process that has done it before.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createHash } from 'node:crypto'
import { createGzip } from 'node:zlib'

import Database from 'better-sqlite3'

import { App } from '../src/app/app.ts'
import { loadConfig } from '../src/config/load.ts'
import { createSilentLogger } from '../src/system/logger.ts'
import { createLargePrimary } from './large-primary.ts'

const RUNS = 5
const LOOKS = 50
const MAIN = new URL('../src/main.ts', import.meta.url).pathname

interface Process {
  readonly ms: number
  readonly cpuMs: number
  readonly peakMiB: number
}

/** As the npm scripts run it: what type stripping and compiling give is kept. */
const ENVIRONMENT = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'pinyon-bench-compile-cache') }

/** Runs `pinyon sync` as a process of its own. GNU time gives its memory and processor time. */
function runSync(config: string): Process {
  const startedAt = performance.now()
  const args = ['-f', '%M %U %S', process.execPath, MAIN, 'sync', '--config', config]
  const options = { encoding: 'utf8', env: ENVIRONMENT } as const
  const { stderr, stdout, status } = spawnSync('/usr/bin/time', args, options)
  if (status !== 0) throw new Error(`pinyon sync failed: ${stdout}${stderr}`)
  const [kib = 0, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  return { ms: performance.now() - startedAt, cpuMs: (user + system) * 1000, peakMiB: kib / 1024 }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function writeRepository(dir: string, packages: number, generation: number): Promise<string> {
  mkdirSync(join(dir, 'repodata'), { recursive: true })
  const file = join(dir, 'repodata', `${generation}-primary.xml.gz`)
  const open = createHash('sha256')
  let openSize = 0
  async function* hashed(): AsyncGenerator<Buffer> {
    for (const piece of createLargePrimary({ packages, generation })) {
      const bytes = Buffer.from(piece)
      open.update(bytes)
      openSize += bytes.length
      yield bytes
    }
  }
  await pipeline(Readable.from(hashed()), createGzip(), createWriteStream(file))
  writeFileSync(
    join(dir, 'repodata/repomd.xml'),
    `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>${generation}</revision><data type="primary">
<checksum type="sha256">${await sha256(file)}</checksum><open-checksum type="sha256">${open.digest('hex')}</open-checksum>
<location href="repodata/${generation}-primary.xml.gz"/><size>${statSync(file).size}</size><open-size>${openSize}</open-size>
</data></repomd>\n`,
  )
  return file
}

function timeCommand(file: string): number {
  const startedAt = performance.now()
  execFileSync('sh', ['-c', 'gunzip -c "$0" | sha256sum', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  return performance.now() - startedAt
}

/** Bytes of the database once everything is in its main file. */
function databaseBytes(file: string): number {
  const database = new Database(file)
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  return statSync(file).size
}

/** Processor time of one look that finds nothing, in milliseconds. */
async function measureLook(config: string): Promise<number> {
  const app = await App.open({ config: loadConfig(config, process.env), log: createSilentLogger() })
  await app.sync('large')
  const before = process.cpuUsage()
  for (let look = 0; look < LOOKS; look += 1) {
    const { outcome } = await app.sync('large')
    if (outcome !== 'unchanged') throw new Error(`a look that should find nothing: ${outcome}`)
  }
  const { user, system } = process.cpuUsage(before)
  await app.close()
  return (user + system) / 1000 / LOOKS
}

async function main(packages: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'pinyon-bench-'))
  try {
    const upstream = join(dir, 'upstream')
    const config = join(dir, 'pinyon.yaml')
    const database = join(dir, 'data/pinyon.db')
    writeFileSync(config, JSON.stringify({ mirrors: { large: { baseurl: `file://${upstream}/` } } }))
    execFileSync(process.execPath, [MAIN, '--help'], { stdio: 'ignore', env: ENVIRONMENT })
    process.stdout.write(`${packages} packages, node ${process.version}\n`)
    process.stdout.write(
      'gunzip|sha256sum   first sync   ratio       CPU   peak RSS   100 changed   database grew   nothing new (CPU)\n',
    )
    for (let run = 0; run < RUNS; run += 1) {
      rmSync(join(dir, 'data'), { recursive: true, force: true })
      const file = await writeRepository(upstream, packages, 0)
      const commandMs = timeCommand(file)
      const first = runSync(config)
      const sizeBefore = databaseBytes(database)
      await writeRepository(upstream, packages, run + 1)
      const second = runSync(config)
      const grownKiB = (databaseBytes(database) - sizeBefore) / 1024
      const columns = [
        `${commandMs.toFixed(0)} ms`.padStart(16),
        `${first.ms.toFixed(0)} ms`.padStart(10),
        (first.ms / commandMs).toFixed(2).padStart(5),
        `${first.cpuMs.toFixed(0)} ms`.padStart(7),
        `${first.peakMiB.toFixed(0)} MiB`.padStart(8),
        `${second.ms.toFixed(0)} ms`.padStart(11),
        `${grownKiB.toFixed(0)} KiB`.padStart(13),
        `${(await measureLook(config)).toFixed(1)} ms`.padStart(17),
      ]
      process.stdout.write(`${columns.join('   ')}\n`)
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

await main(Number(process.argv[2] ?? 65_000))
