import { setImmediate } from 'node:timers/promises'

import type { PrefetchStatements } from './sql-prefetch.ts'

/** Rows looked at in one go: two or three milliseconds of a thread that serves. */
const ROWS = 1_000
const NO_HASH = -1
/** Beyond any hash of an href. */
const LAST_HASH = 2 ** 48

interface Place {
  readonly hash: number
  readonly id: number
}

/** Reads something of all package rows of a mirror, some rows at a time; others get their turn in between. */
export async function* pagesOf<Row>(
  statements: PrefetchStatements,
  mirrorId: number,
  read: (bounds: Readonly<Record<string, number>>) => Row[],
): AsyncIterable<readonly Row[]> {
  let after: Place = { hash: NO_HASH, id: 0 }
  for (;;) {
    const from = { mirrorId, afterHash: after.hash, afterId: after.id }
    const end = statements.pageEnd.get({ ...from, rows: ROWS - 1 }) as Place | undefined
    yield read({ ...from, endHash: end?.hash ?? LAST_HASH, endId: end?.id ?? 0 })
    if (end === undefined) return
    after = end
    await setImmediate()
  }
}
