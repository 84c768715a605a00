import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { KillPoint } from '../support/disk-calls.ts'
import type { DiskCall } from '../support/disk-journal.ts'
import { Random } from '../support/random.ts'
import { tempDir } from '../support/temp-dir.ts'
import { runScenario, type CallContext, type EndedRun } from './call-run.ts'
import { readContent, writeContent, type DiskContent, type PowerLoss } from './disk-image.ts'
import { checkRecovery } from './recovery.ts'
import type { Scenario } from './run.ts'
import { scenarioOf, type ScenarioName } from './scenarios.ts'
import type { Promised } from './told.ts'

/** Which of all the crashes of a scenario happen. */
export interface Choice {
  readonly name: ScenarioName
  /** Begin at this call, counted from 0. */
  readonly first?: number
  /** So many in all, evenly spread; every one unless told. */
  readonly share?: number
  readonly seed: number
  /** The one call to kill at. Where the power is cut it ends the run, so that there are calls until then only. */
  readonly point?: KillPoint
  /** Told of each: what it was, and what was broken, if anything was. */
  readonly onCrash: (what: string, broken: Error | undefined) => void
}

/** How it went. */
export interface CrashReport {
  /** Calls that the scenario makes. */
  calls: number
  crashes: number
  /** Calls that did not come again, as what runs side by side does not always come in the same order or number. */
  missed: number
  broken: number
}

/** Kills a process before, or after, calls of a scenario, each in a run of its own, and demands every promise of what is left. */
export async function killAtCalls(
  t: TestContext,
  context: CallContext,
  choice: Choice & { readonly when: KillPoint['when'] },
): Promise<CrashReport> {
  const { name, when, onCrash } = choice
  const { calls, run: whole } = await recordScenario(t, context, name)
  for (const call of calls) whole.image.apply(call)
  assertRecorded(whole)
  whole.discard()
  const points = choice.point === undefined ? choose(listPoints(calls, when), choice) : [choice.point]
  const report: CrashReport = { calls: calls.length, crashes: 0, missed: 0, broken: 0 }
  for (const point of points) {
    let reached = true
    const broken = await catchBroken(async () => {
      const run = await runScenario(t, context, name, point)
      reached = run.calls.killed !== undefined
      await checkAfter(context, name, run)
      run.discard()
    })
    report.crashes += 1
    if (!reached) report.missed += 1
    if (broken !== undefined) report.broken += 1
    const what = `${name}: killed ${when} ${point.key} #${point.ordinal}`
    onCrash(reached ? what : `${what} (not reached)`, broken)
  }
  return report
}

/** How the power is cut. */
export interface PowerChoice extends Choice {
  readonly loss: PowerLoss
  /** So many power cuts at each call, which differ where chance decides. */
  readonly samples: number
}

/** Cuts the power at calls of one run of a scenario, and demands every promise of what the disk has kept; of a run that is killed then that of the kill as well. */
export async function cutPowerAtCalls(
  t: TestContext,
  context: CallContext,
  choice: PowerChoice,
): Promise<CrashReport> {
  const { name, loss, seed, samples, onCrash } = choice
  const random = new Random(seed)
  const killedAt = scenarioOf(name).killedAt
  const point = killedAt === undefined ? choice.point : { ...random.pick(killedAt), when: 'after' as const }
  const { calls, run } = await recordScenario(t, context, name, point)
  const report: CrashReport = { calls: calls.length, crashes: 0, missed: 0, broken: 0 }
  const chosen = new Set(choose([...calls.keys()], choice))
  // Right after a kill more is under way than at most other calls.
  if (choice.point !== undefined) chosen.add(calls.length - 1)
  const seen = new Set<string>()
  const dir = join(tempDir(t), 'farm')
  const killed = point === undefined ? '' : `, with a kill ${point.when} ${point.key} #${point.ordinal}`
  for (const [index, call] of calls.entries()) {
    run.image.apply(call)
    for (let sample = 0; chosen.has(index) && sample < samples; sample += 1) {
      const promised = run.told.until(call.end)
      const content = run.image.compose(loss, random)
      const state = `${hashContent(content)} ${promised.size}`
      // Most calls make nothing durable.
      if (seen.has(state)) continue
      seen.add(state)
      writeContent(dir, content)
      const broken = await catchBroken(() => check(context, dir, name, promised))
      rmSync(dir, { recursive: true })
      report.crashes += 1
      if (broken !== undefined) report.broken += 1
      onCrash(
        `${name}: power cut (${loss}) after call ${index} of ${calls.length}, ${call.key}${killed}`,
        broken,
      )
    }
  }
  assertRecorded(run)
  if (choice.point !== undefined) {
    assert.ok(run.calls.killed !== undefined, `${name} makes no call ${choice.point.key}`)
    await checkAfter(context, name, run)
  }
  run.discard()
  return report
}

/** Runs a scenario without a crash, unless it has one of its own. Its image is as when the scenario began. */
async function recordScenario(
  t: TestContext,
  context: CallContext,
  name: ScenarioName,
  point?: KillPoint,
): Promise<{ readonly calls: readonly DiskCall[]; readonly run: EndedRun }> {
  const run = await runScenario(t, context, name, point)
  assert.equal(run.calls.escaped, 0, 'files were changed in a way that is not followed')
  const all = run.calls.read()
  for (const call of all) if (call.end <= run.begun) run.image.apply(call)
  return { calls: all.filter(({ end }) => end > run.begun), run }
}

/** The journal has told everything: what it makes of the image is what the disk has. */
function assertRecorded({ image, dir }: EndedRun): void {
  const [made, found] = [image.compose('kept', new Random(0)), readContent(dir)]
  assert.deepEqual([...made.keys()].toSorted(), [...found.keys()].toSorted())
  for (const [path, bytes] of found)
    assert.ok(bytes?.equals(made.get(path) ?? Buffer.alloc(0)) !== false, path)
}

function listPoints(calls: readonly DiskCall[], when: KillPoint['when']): KillPoint[] {
  const counts = new Map<string, number>()
  return calls.map(({ key }) => {
    const ordinal = (counts.get(key) ?? 0) + 1
    counts.set(key, ordinal)
    return { key, ordinal, when }
  })
}

function choose<T>(all: readonly T[], { first = 0, share, seed }: Choice): T[] {
  const rest = all.slice(first)
  const stride = share === undefined ? 1 : Math.max(1, Math.floor(rest.length / share))
  return rest.filter((_, index) => index % stride === seed % stride)
}

/** Demands every promise of what a run has left. */
async function checkAfter(context: CallContext, name: ScenarioName, run: EndedRun): Promise<void> {
  await check(context, run.dir, name, run.told.until(run.calls.position))
}

async function check(
  { farm }: CallContext,
  dir: string,
  name: ScenarioName,
  promised: Promised,
): Promise<void> {
  const { generations, served: upstreamHas } = farm
  const { keep, open }: Scenario = scenarioOf(name)
  await checkRecovery({ dir, generations, promised, keep, upstreamHas, open })
}

async function catchBroken(action: () => Promise<void>): Promise<Error | undefined> {
  try {
    await action()
    return undefined
  } catch (error) {
    return error as Error
  }
}

function hashContent(content: DiskContent): string {
  const parts = [...content].map(
    ([path, bytes]) => `${path} ${bytes === undefined ? '/' : hash('sha1', bytes)}`,
  )
  return hash('sha1', parts.toSorted().join('\n'))
}
