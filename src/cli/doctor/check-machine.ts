import { randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'

import { readFreeBytes, readFreeFiles } from '../../cache/free-space.ts'
import { createLayout } from '../../cache/layout.ts'
import type { Config } from '../../config/config.ts'
import { formatListen } from '../../config/listen.ts'
import { counted } from '../../model/count.ts'
import { toPinyonError } from '../../model/errors.ts'
import { lookAtDatabase, type DatabaseLook } from '../../snapshot/sql-look.ts'
import { formatBytes } from '../table.ts'
import { adviseOnListening } from '../listen-advice.ts'
import { fine, type Finding } from './finding.ts'

/** The oldest Node that runs pinyon. */
const NODE_MAJOR = 24
/** Below this a farm of any size runs out: a connection is a descriptor, and so is each file that is sent. */
const FEW_DESCRIPTORS = 4_096
/** Free space below which the first packages may find no room. */
const LITTLE_SPACE_BYTES = 1 << 30
/** By how much the clock may go back between two runs before that is worth a word, in milliseconds. */
const CLOCK_SLACK_MS = 60_000

/** The Node that runs this. */
export function checkNode(version: string = process.versions.node): Finding {
  if (Number(version.split('.')[0]) >= NODE_MAJOR) return fine('node', version)
  return {
    check: 'node',
    level: 'fail',
    found: version,
    advice: `pinyon needs Node ${NODE_MAJOR} or later: npm ci brings one, https://nodejs.org has them`,
  }
}

/** How many files the process may have open. @param limits the text of /proc/self/limits */
export function checkDescriptors(limits: string | undefined = readLimits()): Finding {
  const hard = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(limits ?? '')?.[1]
  if (hard === undefined) return fine('descriptors', 'the system does not tell')
  // Node raises the soft limit to this by itself.
  if (hard === 'unlimited' || Number(hard) >= FEW_DESCRIPTORS) return fine('descriptors', hard)
  return {
    check: 'descriptors',
    level: 'warn',
    found: `${hard} open files at most`,
    advice: `raise it to ${FEW_DESCRIPTORS} or more: LimitNOFILE= of the unit, ulimit -n of the shell`,
  }
}

function readLimits(): string | undefined {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return undefined
  }
}

/** Whether the data directory can be written, and how much room there is. */
export function checkDisk({ dataDir, cache }: Pick<Config, 'dataDir' | 'cache'>): Finding[] {
  const place = nearestDirectory(dataDir)
  try {
    if (place === dataDir) probeDirectory(dataDir)
    else accessSync(`${place}/.`, constants.W_OK | constants.X_OK)
  } catch (error) {
    const isFull = toPinyonError(error).code === 'NO_SPACE'
    const advice = isFull
      ? 'make room on its disk, or name another as data_dir'
      : `make it a directory that this user may write (${process.getuid?.() ?? 'unknown'}), or name another as data_dir`
    const found = `${dataDir}: ${(error as Error).message}`
    return [{ check: 'data_dir', level: 'fail', found, advice }, ...(isFull ? checkInodes(place) : [])]
  }
  const inodes = checkInodes(place)
  const free = readFreeBytes(place)
  const room = Number.isFinite(free)
    ? `${formatBytes(Math.max(0, free))} free`
    : 'the disk does not tell what is free'
  const written = fine(
    'data_dir',
    place === dataDir ? `${dataDir} can be written` : `${dataDir}: the first start makes it`,
  )
  if (free < LITTLE_SPACE_BYTES)
    return [
      written,
      {
        check: 'disk',
        level: free <= 0 ? 'fail' : 'warn',
        found: room,
        advice: 'make room: with less, packages are passed through and not kept',
      },
      ...inodes,
    ]
  return [written, fine('disk', `${room}, cache.max_size is ${formatBytes(cache.maxBytes)}`), ...inodes]
}

/** Itself, or what is there of those above it. */
function nearestDirectory(path: string): string {
  const above = dirname(path)
  return existsSync(path) || above === path ? path : nearestDirectory(above)
}

/** Throws unless a file can be made there. */
function probeDirectory(directory: string): void {
  const probe = join(directory, `.doctor-${randomUUID()}`)
  writeFileSync(probe, 'x', { flush: true })
  rmSync(probe)
}

/** Whether there can be more files, however many bytes are free. */
function checkInodes(dataDir: string): Finding[] {
  const files = readFreeFiles(dataDir)
  if (files === undefined) return []
  const { free, total, missing } = files
  const found = `${free} of ${total} inodes free`
  if (missing === 0) return [fine('inodes', found)]
  const advice =
    'remove files of that file system, or move data_dir to one with more: packages go to make room'
  return [{ check: 'inodes', level: free === 0 ? 'fail' : 'warn', found, advice }]
}

/** Whether the database can be read, and whether the clock has gone back since it was written last. It is left as it is. */
export function checkDatabase(dataDir: string, nowMs: number): Finding[] {
  try {
    const found = lookAtDatabase(createLayout(dataDir).database)
    if (found === undefined) return [fine('database', 'none yet: the first start makes it')]
    if (found.held === undefined) return [describeSchema(found)]
    const { mirrors, generation, newestMs } = found.held
    return [
      fine('database', `${counted(mirrors, 'mirror')}, generation ${generation}`),
      ...checkClock(newestMs, nowMs),
    ]
  } catch (error) {
    const { code, message } = toPinyonError(error)
    const advice =
      code === 'STORE_CORRUPT'
        ? 'with the server stopped: pinyon verify --rebuild'
        : 'look at its owner and mode'
    return [{ check: 'database', level: 'fail', found: message, advice }]
  }
}

/** A database that this program would change before it works with it, or could not read. */
function describeSchema({ schema, knownSchema: known }: DatabaseLook): Finding {
  if (schema < known)
    return {
      check: 'database',
      level: 'warn',
      found: `of an older pinyon: schema ${schema}, and this one has ${known}`,
      advice: `serve, and any command that works without it, brings it up to date; an older pinyon cannot read it then, so keep a copy of data_dir if it may have to`,
    }
  return {
    check: 'database',
    level: 'fail',
    found: `of a newer pinyon: schema ${schema}, and this one knows ${known} at most`,
    advice: 'serve refuses it: run the pinyon that wrote it, or a newer one',
  }
}

/** @param newestMs the latest moment that the database knows */
function checkClock(newestMs: number, nowMs: number): Finding[] {
  const now = new Date(nowMs).toISOString()
  if (newestMs <= nowMs + CLOCK_SLACK_MS) return [fine('clock', now)]
  return [
    {
      check: 'clock',
      level: 'fail',
      found: `it is ${now} here, and the newest snapshot or sync is of ${new Date(newestMs).toISOString()}`,
      advice: 'set it (timedatectl, chronyd): names of snapshots and certificates go by it',
    },
  ]
}

/** Whether the configured address is free to listen on. Not asked while a server runs. */
export async function checkListen({ listen }: Pick<Config, 'listen'>): Promise<Finding> {
  const check = 'listen'
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port: listen.port, ...(listen.host === '' ? {} : { host: listen.host }) }, resolve)
    })
    return fine(check, `${formatListen(listen)} is free`)
  } catch (error) {
    return {
      check,
      level: 'fail',
      found: `${formatListen(listen)}: ${(error as Error).message}`,
      advice: adviseOnListening(error),
    }
  } finally {
    server.close()
  }
}
