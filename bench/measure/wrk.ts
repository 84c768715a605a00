import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { findTool } from '../../test/support/tools.ts'
import { endWithUs } from './leave-nothing.ts'
import { onCore } from '../peers/start-server.ts'

/** What wrk is to ask. */
export interface WrkRequest {
  readonly url: string
  readonly connections: number
  /** Parts of a second are as good. */
  readonly seconds: number
  readonly headers?: Readonly<Record<string, string>>
  /** A file of `weight TAB path` lines, instead of the URL's path, and of the seed by which they are chosen. */
  readonly mix?: { readonly file: string; readonly seed: number }
  /** The one core that it may use. */
  readonly core?: number | undefined
}

/** What came of it. */
export interface WrkResult {
  /** That were answered to their end. */
  readonly requests: number
  readonly seconds: number
  /** Heads and bodies, also of what was not answered to its end. */
  readonly bytes: number
  readonly p50Us: number
  readonly p99Us: number
  /** Broken connections, time-outs, and statuses from 400 on. */
  readonly errors: number
}

const SCRIPT = join(import.meta.dirname, 'wrk-report.lua')

/** Whole seconds are all that it takes: it is told to end long before. */
const LONGEST = '600s'

const INTERRUPT_MS = 50

/** Loads a server from one thread for some time. */
export async function runWrk({
  url,
  connections,
  seconds,
  headers = {},
  mix,
  core,
}: WrkRequest): Promise<WrkResult> {
  const wrk = findTool('wrk')
  if (wrk === undefined) throw new Error('wrk is not installed: apt-get install wrk')
  const args = [
    ['-t1', `-c${connections}`, '-d', LONGEST, '--timeout', '30s', '-s', SCRIPT],
    Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    mix === undefined ? [url] : [url, '--', mix.file, String(mix.seed)],
  ].flat()
  const [command = wrk, ...rest] = onCore(core, wrk, args)
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  endWithUs(child)
  const output = text(child.stdout)
  await endAfter(child, seconds)
  const line = /^\{.*\}$/m.exec(await output)?.[0]
  if (line === undefined) throw new Error(`wrk said nothing of ${url}: ${await output}`)
  return JSON.parse(line) as WrkResult
}

/** Lets it run so long from when it begins. An interrupt that comes before it sleeps wakes it of nothing, so more follow. */
async function endAfter(child: ChildProcessByStdio<null, Readable, null>, seconds: number): Promise<void> {
  const exited = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exited])
  await Promise.race([sleep(seconds * 1_000), exited])
  const interrupt = () => child.kill('SIGINT')
  interrupt()
  const timer = setInterval(interrupt, INTERRUPT_MS)
  await exited
  clearInterval(timer)
}
