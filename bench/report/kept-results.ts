import { globSync } from 'node:fs'
import { join } from 'node:path'

import type { Machine } from '../measure/machine.ts'
import { readResult } from './result.ts'

const RESULTS = join(import.meta.dirname, '../results')
const REFERENCE = 'reference.json'
/** What runs write there that are told nothing else. */
const NOT_KEPT = new Set(['latest.json', 'quick.json'])

/** The file of the kept results that a run on this machine is held against: of one with such a processor, where there are some, else those of the README. */
export function chooseKept({ processor }: Pick<Machine, 'processor'>, dir = RESULTS): string {
  const names = [REFERENCE, ...globSync('*.json', { cwd: dir }).filter((name) => !NOT_KEPT.has(name))]
  const own = names.find((name) => readResult(join(dir, name)).machine.processor === processor)
  return join(dir, own ?? REFERENCE)
}
