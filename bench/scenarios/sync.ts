/**
 * What a first snapshot of a repository as large as Fedora's takes: a whole `pinyon sync`, against `gunzip | sha256sum` of its primary. The limit is
 * so many times that, and the transfer: upstream is a directory, so that is a copy of primary that is on the disk.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { OURS, toFigures } from '../measure/figure.ts'
import { getLargeRepository, LARGE_PACKAGES, primaryPath } from '../measure/large-repository.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { spreadOf } from '../measure/statistics.ts'
import {
  compilePinyon,
  runPinyon,
  timeGunzip,
  timeTransfer,
  type TimedCommand,
} from '../measure/timed-command.ts'
import { writePinyonConfig } from '../peers/pinyon.ts'

const GUNZIP = 'gunzip | sha256sum'
const GUNZIPS = 2.5
const PEAK_BYTES = 200e6

/** Runs it. */
export const runSync: Scenario = async ({ dir, options, fixtures, say }) => {
  say(`writes ${LARGE_PACKAGES} packages`)
  const upstream = await getLargeRepository(fixtures, 0)
  const config = writePinyonConfig(dir, { mirrors: { large: `file://${upstream}/` } })
  compilePinyon()
  const ours: TimedCommand[] = []
  const gunzip: number[] = []
  const transfer: number[] = []
  for (let round = 0; round < chooseRounds(options, 4, 2); round += 1) {
    say(`round ${round + 1}`)
    const primary = join(upstream, primaryPath(0))
    gunzip.push(await timeGunzip(primary))
    transfer.push(await timeTransfer(primary, join(dir, 'transferred')))
    rmSync(join(dir, 'data'), { recursive: true, force: true })
    ours.push(await runPinyon(config, 'sync'))
  }
  const name = `first snapshot of ${LARGE_PACKAGES.toLocaleString('en')} packages`
  const common = { scenario: 'sync', name, better: 'less' } as const
  const transferred = spreadOf(transfer).median
  const limit = Number((GUNZIPS + transferred / spreadOf(gunzip).median).toFixed(2))
  const time = {
    ...common,
    measure: 'time',
    unit: 's',
    allowance: 0.15,
    targets: { [GUNZIP]: limit },
  } as const
  const peak = { ...common, measure: 'peak memory', unit: 'bytes', targets: { [OURS]: PEAK_BYTES } } as const
  return {
    figures: [
      ...toFigures(time, { [OURS]: ours.map(({ seconds }) => seconds), [GUNZIP]: gunzip }),
      ...toFigures(
        { ...common, measure: 'CPU', unit: 's' },
        { [OURS]: ours.map(({ cpuSeconds }) => cpuSeconds) },
      ),
      ...toFigures(peak, { [OURS]: ours.map(({ peakBytes }) => peakBytes) }),
    ],
    curves: [],
    notes: [
      `sync: the limit is ${GUNZIPS} times gunzip | sha256sum, and the ${Math.round(transferred * 1_000)} ms in which a copy of the compressed primary is on the disk.`,
    ],
  }
}
