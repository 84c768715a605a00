import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { findTool } from '../../test/support/tools.ts'
import { onCore } from '../peers/start-server.ts'
import { endWithUs } from './leave-nothing.ts'

/** What is asked for, each path once. */
export interface OnceRequest {
  /** Without a trailing slash. */
  readonly url: string
  readonly paths: readonly string[]
  readonly connections: number
  /** Where it may write the paths. */
  readonly dir: string
  /** The one core that it may use. */
  readonly core?: number | undefined
}

const SCRIPT = join(import.meta.dirname, 'wrk-once.lua')

/** Whole seconds are all that it takes: it is told to end long before. */
const LONGEST = '600s'

/**
 * Has one thread ask for each of some paths, over several connections.
 * @returns the seconds from the first request to the last answer
 * @throws Error when one of them was not answered with 200
 */
export async function getEachOnce({ url, paths, connections, dir, core }: OnceRequest): Promise<number> {
  const wrk = findTool('wrk')
  if (wrk === undefined) throw new Error('wrk is not installed: apt-get install wrk')
  const file = join(dir, 'paths')
  writeFileSync(file, `${paths.join('\n')}\n`)
  const args = ['-t1', `-c${connections}`, '-d', LONGEST, '--timeout', '60s', '-s', SCRIPT, url, '--', file]
  const [command = wrk, ...rest] = onCore(core, wrk, args)
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  endWithUs(child)
  const exited = once(child, 'exit')
  let beganAt = 0
  let seconds: number | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'begins') beganAt = performance.now()
    const failed = /^all (\d+)$/.exec(line)?.[1]
    if (failed === undefined) continue
    seconds = (performance.now() - beganAt) / 1_000
    if (failed !== '0') throw new Error(`${url} failed ${failed} times of ${paths.length}`)
    // Nothing that it would tell at its end is wanted.
    child.kill('SIGKILL')
  }
  await exited
  if (seconds === undefined) throw new Error(`wrk ended before it had all of ${url}`)
  return seconds
}
