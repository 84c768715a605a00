import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { DiskCalls, type KillPoint } from '../support/disk-calls.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { CallFarm } from './call-farm.ts'
import { DiskImage } from './disk-image.ts'
import { checkSite } from './recovery.ts'
import type { Run, Scenario } from './run.ts'
import { scenarioOf, type ScenarioName } from './scenarios.ts'
import { writeOn } from './server-commands.ts'
import { Told } from './told.ts'

/** A scenario that has come to its end, or to its server's. */
export interface EndedRun {
  readonly dir: string
  readonly calls: DiskCalls
  readonly told: Told
  /** The directory as it was before. */
  readonly image: DiskImage
  /** The journal's length when the scenario itself began, in bytes. */
  readonly begun: number
  /** Removes all of it. */
  readonly discard: () => void
}

/** What scenarios are run with. */
export interface CallContext {
  readonly farm: CallFarm
  /** Of disk-calls.c. */
  readonly library: string
}

/**
 * Runs a scenario with a server whose calls are followed, to its end or to the server's. Nothing of it runs on afterwards.
 * @param point where a process is killed; nowhere unless told
 * @throws what goes wrong without a kill, and what is broken by a server that has only lost a child
 */
export async function runScenario(
  t: TestContext,
  { farm, library }: CallContext,
  name: ScenarioName,
  point?: KillPoint,
): Promise<EndedRun> {
  const scenario = scenarioOf(name)
  const place = tempDir(t)
  const dir = join(place, 'farm')
  await farm.lay(dir, scenario.template)
  const image = new DiskImage(dir)
  const calls = new DiskCalls(library, place, dir)
  const told = new Told(() => calls.position)
  const servers: StartedServer[] = []
  const start = async () => {
    const text = readFileSync(join(dir, 'pinyon.yaml'), 'utf8')
    const server = await startServer(t, { dir, text, env: calls.env })
    servers.push(server)
    return server
  }
  const arm = () => point !== undefined && calls.arm(point)
  let begun = 0
  try {
    if (scenario.fromStart === true) arm()
    const server = await start().catch(async (error: unknown) => {
      if (scenario.killedAt === undefined || calls.killed === undefined) throw error
      return await start()
    })
    if (scenario.fromStart !== true) {
      begun = calls.position
      arm()
    }
    await scenario.drive({ farm, dir, calls, told, start, server })
  } catch (error) {
    if (calls.killed === undefined || error instanceof assert.AssertionError) throw error
  }
  await checkLiving({ farm, dir, calls, told }, scenario, servers)
  await calls.halt()
  for (const server of servers) await server.kill()
  const discard = () => rmSync(place, { recursive: true, force: true })
  return { dir, calls, told, image, begun, discard }
}

/** When it was a child of the server's that was killed, or whoever edits its configuration, the server goes on, and so do its promises. */
async function checkLiving(
  { farm, dir, calls, told }: Pick<Run, 'farm' | 'dir' | 'calls' | 'told'>,
  { keep, open }: Scenario,
  servers: readonly StartedServer[],
): Promise<void> {
  const last = servers.at(-1)
  const { killed } = calls
  if (last === undefined || killed === undefined || servers.some((one) => one.process.pid === killed)) return
  // It may have been told to stop.
  if (last.process.exitCode !== null || last.process.signalCode !== null) return
  await writeOn(last.dataDir, { method: 'POST', path: 'reload' })
  const { generations, served: upstreamHas } = farm
  await checkSite(last.url, {
    dir,
    generations,
    promised: told.until(calls.position),
    keep,
    upstreamHas,
    open,
  })
}
