import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { mustRun } from '../../test/support/run-command.ts'
import { onCore } from '../peers/start-server.ts'
import { endWithUs } from './leave-nothing.ts'
import type { WrkRequest, WrkResult } from './wrk.ts'

const SOURCE = join(import.meta.dirname, 'paced-load.c')

/** How it asks. */
export interface Pace {
  /** How long each connection waits after an answer before it asks again, on average, in microseconds. */
  readonly pauseUs: number
  /** Of its waiting times, run by run. */
  readonly seed: number
}

/**
 * Makes the program that asks at a pace that does not depend on who answers, which wrk cannot do. Gives what runs it as `runWrk` runs that, but
 * always with one path and no headers.
 * @param dir where it is put
 * @throws Error without a C compiler, or where that takes offence
 */
export async function compilePacedLoad(
  dir: string,
  { pauseUs, seed }: Pace,
): Promise<(request: WrkRequest) => Promise<WrkResult>> {
  const program = join(dir, 'paced-load')
  await mustRun('cc', ['-O2', '-o', program, SOURCE, '-lm'])
  let runs = 0
  return async ({ url, connections, seconds, core }) => {
    runs += 1
    const { port, pathname, search } = new URL(url)
    const args = [port, pathname + search, connections, seconds, pauseUs, seed + runs].map(String)
    const [command = program, ...rest] = onCore(core, program, args)
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    endWithUs(child)
    const [output, said] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const line = /^\{.*\}$/m.exec(output)?.[0]
    if (line === undefined) throw new Error(`asking ${url}: ${said.trim()}`)
    return JSON.parse(line) as WrkResult
  }
}
