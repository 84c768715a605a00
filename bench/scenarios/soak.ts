/** Whether a server keeps its promises under everything that can happen to it at once: `npm run soak`, for twenty seconds. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

import { OURS, toFigures } from '../measure/figure.ts'
import type { Scenario } from '../measure/scenario.ts'

const SOAK = new URL('../../test/soak/main.ts', import.meta.url).pathname

/** Runs it. */
export const runSoak: Scenario = async ({ options, say }) => {
  const seconds = options.isQuick ? 12 : 20
  const args = [SOAK, '--minutes', String(seconds / 60), '--seed', String(options.seed)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const report = await text(child.stdout)
  const [status] = (await exited) as [number | null]
  say(report.trimEnd())
  const name = `${seconds} s of everything at once`
  const common = {
    scenario: 'soak',
    name,
    measure: 'broken promises',
    unit: 'count',
    better: 'less',
  } as const
  return {
    figures: toFigures({ ...common, targets: { [OURS]: 0 } }, { [OURS]: [status === 0 ? 0 : 1] }),
    curves: [],
    notes: status === 0 ? [] : [`soak: a promise was broken, see npm run soak -- --seed ${options.seed}`],
  }
}
