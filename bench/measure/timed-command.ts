import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { findTool } from '../../test/support/tools.ts'
import { ENVIRONMENT, builtMain, writePinyonConfig } from '../peers/pinyon.ts'

/** What a command took, with all that it started and waited for. */
export interface TimedCommand {
  readonly seconds: number
  readonly cpuSeconds: number
  /** Of its largest process. */
  readonly peakBytes: number
}

/** Runs a command by GNU time. @throws Error with what it said when it fails */
async function runTimed(command: string, args: readonly string[]): Promise<TimedCommand> {
  const time = findTool('time')
  if (time === undefined) throw new Error('GNU time is not installed: apt-get install time')
  const startedAt = performance.now()
  const child = spawn(time, ['-f', '%M %U %S', command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: ENVIRONMENT,
  })
  const exited = once(child, 'exit')
  const said = await text(child.stderr)
  const [status] = (await exited) as [number | null]
  const seconds = (performance.now() - startedAt) / 1_000
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed with ${status}: ${said.slice(-2_000)}`)
  const [kib = 0, user = 0, system = 0] = (said.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  return { seconds, cpuSeconds: user + system, peakBytes: kib * 1024 }
}

/** Runs a command of pinyon as a process of its own. */
export function runPinyon(config: string, ...command: readonly string[]): Promise<TimedCommand> {
  return runTimed(process.execPath, [builtMain(), ...command, '--config', config])
}

/** Keeps what Node makes of the sources, so that no measured process has to: modules are loaded when they are needed, so a sync is tried, in vain. */
export function compilePinyon(): void {
  const dir = mkdtempSync(join(tmpdir(), 'pinyon-compiles-'))
  try {
    const config = writePinyonConfig(dir, { mirrors: { nowhere: `file://${dir}/nowhere/` } })
    const args = [builtMain(), 'sync', '--config', config]
    spawnSync(process.execPath, args, { stdio: 'ignore', env: ENVIRONMENT })
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** How long reading primary takes at the least: `gunzip | sha256sum`, in seconds. */
export async function timeGunzip(primary: string): Promise<number> {
  return (await runTimed('/bin/sh', ['-c', 'gunzip -c "$0" | sha256sum', primary])).seconds
}

/** How long a copy of a file takes until it is on the disk, in seconds: what whoever keeps it cannot do without. */
export async function timeTransfer(file: string, target: string): Promise<number> {
  return (await runTimed('/bin/sh', ['-c', 'cp "$0" "$1" && sync "$1"', file, target])).seconds
}
