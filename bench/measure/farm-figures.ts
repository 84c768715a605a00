import { rmSync, statSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { formatSnapshotName } from '../../src/model/snapshot-name.ts'
import { Random } from '../../test/support/random.ts'
import { mirrorName, packageHref, snapshotTime, writeFarm, type FarmSize } from '../farm-data.ts'
import { startPinyonPeer } from '../peers/pinyon.ts'
import { sha256 } from './hot-repository.ts'
import { mustGet } from './http-get.ts'
import { readRssBytes } from './process-figures.ts'
import { spreadOf } from './statistics.ts'

/** What a farm of some size costs. */
export interface FarmFigures {
  readonly databaseBytes: number
  /** From the start of the process until it is ready. */
  readonly startSeconds: number
  /** When nobody has asked for anything yet; not measured unless it was to settle first. */
  readonly idleRssBytes: number | undefined
  /** After the look-ups. */
  readonly rssBytes: number
  /** Of a request for a package that was never asked for before, over one connection. */
  readonly p50Us: number
  readonly p99Us: number
}

const HOUR_MS = 3_600_000
/** Packages of each snapshot that can be asked for. */
const CACHED = 5
const LOOK_UPS = 600
const WARM_UPS = 200
/** What a start has to do besides is done, for the most part. */
const SETTLE_MS = 500
/** Processes that look after the farm come and go: memory is the least of some looks. */
const LOOKS = 4
const LOOK_MS = 100

/**
 * Writes a farm, starts a server on it, and asks it for small packages of all of it.
 * @param settleMs how long it is left alone before its memory is looked at, and it is asked
 */
export async function measureFarm(
  dir: string,
  shape: Pick<FarmSize, 'mirrors' | 'snapshots' | 'packages'>,
  seed: number,
  settleMs?: number,
): Promise<FarmFigures> {
  const data = join(dir, 'data')
  const newestAt = Math.floor((Date.now() - HOUR_MS) / 60_000) * 60_000
  const size = { ...shape, cached: CACHED, newestAt, isEmpty: true, hasPackages: true }
  writeFarm(data, size)
  const databaseBytes = statSync(join(data, 'pinyon.db')).size
  const mirrors = Object.fromEntries(
    Array.from({ length: size.mirrors }, (_, at) => [mirrorName(at + 1), 'http://127.0.0.1:9/']),
  )
  // Snapshots of a year are to stay.
  const settings = { sync_interval: 'off', retention: { keep: 1_000, max_age: '3650d' } }
  const startedAt = performance.now()
  const pinyon = await startPinyonPeer({ name: 'pinyon', dir, mirrors, settings })
  const startSeconds = (performance.now() - startedAt) / 1_000
  try {
    await sleep(settleMs ?? SETTLE_MS)
    const idleRssBytes = settleMs === undefined ? undefined : await leastRssBytes(pinyon.pid)
    const times = await lookUp(pinyon.url, size, seed)
    const [p50Us, p99Us] = [
      spreadOf(times).median,
      times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0,
    ]
    return {
      databaseBytes,
      startSeconds,
      idleRssBytes,
      rssBytes: await leastRssBytes(pinyon.pid),
      p50Us,
      p99Us,
    }
  } finally {
    await pinyon.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function leastRssBytes(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < LOOKS; look += 1) {
    if (look > 0) await sleep(LOOK_MS)
    least = Math.min(least, readRssBytes(pid))
  }
  return least
}

/** How long each request took, in microseconds. */
async function lookUp(url: string, size: FarmSize, seed: number): Promise<number[]> {
  const random = new Random(seed)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  for (let number = 0; number < WARM_UPS + LOOK_UPS; number += 1) {
    const mirror = random.below(size.mirrors) + 1
    const seq = random.below(size.snapshots) + 1
    const href = packageHref(random.below(CACHED), seq)
    const path = `/repos/yum/${mirrorName(mirror)}/${formatSnapshotName(snapshotTime(size, seq))}/${href}`
    const { totalMs } = await mustGet(
      url + path,
      { status: 200, sha256: sha256(`${mirror} ${href}`) },
      { agent },
    )
    if (number >= WARM_UPS) times.push(totalMs * 1_000)
  }
  agent.destroy()
  return times
}
