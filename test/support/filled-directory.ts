import { hash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { knownSchema } from '../../src/snapshot/database.ts'

/** Fills an empty directory; what it starts may last as long as the test. */
export type Fill = (t: TestContext, dir: string) => Promise<void>

/**
 * Fills a directory as `fill` does, which is done once per run of the tests, whichever test file asks; everybody gets a copy. For what
 * takes long, such as syncs, and is the same for many tests.
 */
export async function copyFilled(name: string, target: string, t: TestContext, fill: Fill): Promise<void> {
  // Outside a run of the tests it stays where it is: a checkout of another schema, or one that fills it in another way, has its own.
  const way = hash('sha256', fill.toString()).slice(0, 8)
  const filled = join(tmpdir(), `pinyon-test-${name}-${process.getuid?.() ?? 0}-${knownSchema()}-${way}`)
  if (!existsSync(filled)) await make(filled, t, fill)
  cpSync(filled, target, { recursive: true, preserveTimestamps: true })
}

async function make(filled: string, t: TestContext, fill: Fill): Promise<void> {
  const dir = mkdtempSync(`${filled}-`)
  await fill(t, dir)
  try {
    renameSync(dir, filled)
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(filled)) throw error
    rmSync(dir, { recursive: true })
  }
}
