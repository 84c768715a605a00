import { openSync } from 'node:fs'

import { toPinyonError } from '../../../src/model/errors.ts'
import { createGcRunner } from '../../../src/snapshot/gc/gc-runner.ts'
import { ONE_DAY } from './gc-place.ts'

// A server that can open no more files collects. Prints what comes of it; see gc-runner.test.ts.

const [dataDir = ''] = process.argv.slice(2)
const run = createGcRunner({ dataDir, processId: 'feedfacecafebeef' })
const request = {
  kind: 'collect',
  reconcile: false,
  rules: ONE_DAY,
  maxBytes: 1,
  neededBytes: 0,
  nowMs: 0,
  farmNowMs: 0,
  unlistedMs: 1,
} as const
try {
  for (;;) openSync('/dev/null', 'r')
} catch {
  // That was the last one.
}
const told = await run(request, {
  signal: new AbortController().signal,
  onRemoved: () => undefined,
  onDecided: () => undefined,
}).then(
  () => 'collected',
  (error: unknown) => toPinyonError(error).code,
)
process.stdout.write(told)
