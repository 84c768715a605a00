/** What the next looks upstream cost: when there is nothing new, and when a hundred packages of as many as Fedora has changed. */
import { cpSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

import Database from 'better-sqlite3'

import { App } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { OURS, toFigures, type Figure } from '../measure/figure.ts'
import { getLargeRepository, LARGE_PACKAGES, primaryPath } from '../measure/large-repository.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { startSlowUpstream, type SlowUpstream } from '../measure/slow-upstream.ts'
import { compilePinyon, runPinyon, timeGunzip } from '../measure/timed-command.ts'
import { writePinyonConfig } from '../peers/pinyon.ts'

const LOOKS = 50
const PACKAGES = LARGE_PACKAGES.toLocaleString('en')
const GUNZIP = 'gunzip | sha256sum'

/** Runs it. */
export const runResync: Scenario = async ({ dir, options, fixtures, say }) => {
  say(`writes ${LARGE_PACKAGES} packages, twice`)
  const generations = [await getLargeRepository(fixtures, 0), await getLargeRepository(fixtures, 1)]
  const publish = (generation: number) => {
    symlinkSync(generations[generation] ?? '', join(dir, 'next'))
    renameSync(join(dir, 'next'), join(dir, 'current'))
  }
  publish(0)
  const upstream = await startSlowUpstream(dir, [{ latencyMs: 0, keepsAlive: true }])
  try {
    const config = writePinyonConfig(dir, { mirrors: { large: `${upstream.urls[0]}/current/` } })
    compilePinyon()
    await runPinyon(config, 'sync')
    const figures = await measureLooks(config, upstream)
    const samples = { seconds: new Array<number>(), grown: new Array<number>(), gunzip: new Array<number>() }
    const data = join(dir, 'data')
    cpSync(data, join(dir, 'data-0'), { recursive: true })
    for (let round = 0; round < chooseRounds(options, 3, 1); round += 1) {
      say(`100 changed, round ${round + 1}`)
      rmSync(data, { recursive: true })
      cpSync(join(dir, 'data-0'), data, { recursive: true })
      const before = databaseBytes(join(data, 'pinyon.db'))
      samples.gunzip.push(await timeGunzip(join(generations[1] ?? '', primaryPath(1))))
      publish(1)
      samples.seconds.push((await runPinyon(config, 'sync')).seconds)
      samples.grown.push(databaseBytes(join(data, 'pinyon.db')) - before)
      publish(0)
    }
    const common = {
      scenario: 'resync',
      name: `100 of ${PACKAGES} packages changed`,
      better: 'less',
    } as const
    const grown = {
      ...common,
      measure: 'database grows by',
      unit: 'bytes',
      targets: { [OURS]: 100 * 1024 },
    } as const
    return {
      figures: [
        ...figures,
        ...toFigures(
          { ...common, measure: 'time', unit: 's', allowance: 0.15 },
          { [OURS]: samples.seconds, [GUNZIP]: samples.gunzip },
        ),
        ...toFigures(grown, { [OURS]: samples.grown }),
      ],
      curves: [],
      notes: [],
    }
  } finally {
    await upstream.stop()
  }
}

/** Looks that find nothing, in a process that has done it before: processor time and requests of one. */
async function measureLooks(config: string, upstream: SlowUpstream): Promise<Figure[]> {
  const app = await App.open({ config: loadConfig(config, process.env), log: createSilentLogger() })
  try {
    await app.sync('large')
    const asked = await countRequests(upstream)
    const before = process.cpuUsage()
    for (let look = 0; look < LOOKS; look += 1) {
      const { outcome } = await app.sync('large')
      if (outcome !== 'unchanged') throw new Error(`a look that should find nothing: ${outcome}`)
    }
    const { user, system } = process.cpuUsage(before)
    const requests = (await countRequests(upstream)) - asked
    const common = {
      scenario: 'resync',
      name: `nothing new in ${PACKAGES} packages`,
      better: 'less',
    } as const
    const cpu = { ...common, measure: 'processor time', unit: 'ms', targets: { [OURS]: 50 } } as const
    const count = { ...common, measure: 'upstream requests', unit: 'count', targets: { [OURS]: 1 } } as const
    return [
      ...toFigures(cpu, { [OURS]: [(user + system) / 1_000 / LOOKS] }),
      ...toFigures(count, { [OURS]: [requests / LOOKS] }),
    ]
  } finally {
    await app.close()
  }
}

async function countRequests(upstream: SlowUpstream): Promise<number> {
  return Object.values(await upstream.counts()).reduce((sum, { requests }) => sum + requests, 0)
}

/** Bytes of the database once everything is in its main file. */
function databaseBytes(file: string): number {
  const database = new Database(file)
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  return statSync(file).size
}
