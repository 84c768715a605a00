import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { findTool } from '../../test/support/tools.ts'

/** What wrk is to ask. */
export interface WrkRequest {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly headers?: Readonly<Record<string, string>>
}

/** What came of it. */
export interface WrkResult {
  readonly requests: number
  readonly seconds: number
  /** Heads and bodies. */
  readonly bytes: number
  readonly p50Us: number
  readonly p99Us: number
  /** Broken connections, time-outs, and statuses from 400 on. */
  readonly errors: number
}

/** Prints one line of JSON when a run is over. */
const REPORT = join(import.meta.dirname, 'wrk-report.lua')

/** Loads a server from one thread for some seconds. */
export async function runWrk({ url, connections, seconds, headers = {} }: WrkRequest): Promise<WrkResult> {
  const wrk = findTool('wrk')
  if (wrk === undefined) throw new Error('wrk is not installed: apt-get install wrk')
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const options = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '30s',
    '-s',
    REPORT,
    ...given,
    url,
  ]
  const child = spawn(wrk, options, { stdio: ['ignore', 'pipe', 'inherit'] })
  const output = await text(child.stdout)
  const line = /^\{.*\}$/m.exec(output)?.[0]
  if (line === undefined) throw new Error(`wrk said nothing of ${url}: ${output}`)
  return JSON.parse(line) as WrkResult
}
