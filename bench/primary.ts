/**
 * How fast primary.xml is read: `node bench/primary.ts [FILE.xml.gz]`. Without a file one of 65,000 packages and some 130 MB
 * is generated, the same every time. Prints, run by run and interleaved, the time of `gunzip | sha256sum` on it, of our
 * decompressing and scanning it, of the scan alone, and the peak memory of a process that does no more than that.
 */
import { execFileSync } from 'node:child_process'
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, gunzipSync } from 'node:zlib'
import { decompress } from '../src/repodata/decompress.ts'
import { readPrimary } from '../src/repodata/primary.ts'
import { createLargePrimary } from './large-primary.ts'
import { readArguments } from '../test/support/script-arguments.ts'

const PACKAGES = 65_000
const RUNS = 5
const CHUNK_BYTES = 256 * 1024

interface Measured {
  readonly ms: number
  readonly packages: number
  readonly bytes: number
  readonly peakRssMiB: number
}

async function measure(chunks: AsyncIterable<Buffer>): Promise<Measured> {
  const startedAt = performance.now()
  let packages = 0
  let bytes = 0
  async function* counted(): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of chunks) {
      bytes += chunk.length
      yield chunk
    }
  }
  for await (const batch of readPrimary(counted())) packages += batch.packages.length
  const ms = performance.now() - startedAt
  return { ms, packages, bytes, peakRssMiB: process.resourceUsage().maxRSS / 1024 }
}

async function* inChunks(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
}

/**
 * Measures in a process of its own, so that nothing is warm and its memory is its own. Linux counts a new process's parent
 * into its peak: this one must stay small.
 */
function measureApart(task: 'read' | 'scan', file: string): Measured {
  const output = execFileSync(process.execPath, [import.meta.filename, task, file], { encoding: 'utf8' })
  return JSON.parse(output) as Measured
}

function timeCommand(file: string): number {
  const startedAt = performance.now()
  execFileSync('sh', ['-c', 'gunzip -c "$0" | sha256sum', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  return performance.now() - startedAt
}

function compare(file: string): void {
  process.stdout.write(
    'gunzip | sha256sum   decompress + scan   ratio   peak RSS   scan alone   packages     XML\n',
  )
  for (let run = 0; run < RUNS; run++) {
    const commandMs = timeCommand(file)
    const read = measureApart('read', file)
    const scan = measureApart('scan', file)
    const columns = [
      `${commandMs.toFixed(0)} ms`.padStart(18),
      `${read.ms.toFixed(0)} ms`.padStart(17),
      (read.ms / commandMs).toFixed(2).padStart(5),
      `${read.peakRssMiB.toFixed(0)} MiB`.padStart(8),
      `${scan.ms.toFixed(0)} ms`.padStart(10),
      String(read.packages).padStart(8),
      `${(read.bytes / 1e6).toFixed(0)} MB`,
    ]
    process.stdout.write(`${columns.join('   ')}\n`)
  }
}

async function main(task: string | undefined, file: string | undefined): Promise<void> {
  if (file !== undefined) {
    const chunks =
      task === 'read' ? decompress(createReadStream(file)) : inChunks(gunzipSync(readFileSync(file)))
    process.stdout.write(JSON.stringify(await measure(chunks)))
    return
  }
  if (task !== undefined) return compare(task)
  const directory = mkdtempSync(join(tmpdir(), 'pinyon-bench-'))
  try {
    const generated = join(directory, 'primary.xml.gz')
    await pipeline(
      Readable.from(createLargePrimary({ packages: PACKAGES })),
      createGzip(),
      createWriteStream(generated),
    )
    compare(generated)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const [task, file] = readArguments(import.meta.filename, (args) => args)
await main(task, file)
