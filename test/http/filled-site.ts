import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { App } from '../../src/app/app.ts'
import { parseConfig } from '../../src/config/load.ts'
import { knownSchema } from '../../src/snapshot/database.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { ingestHere } from '../support/ingest-here.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { startUpstream } from '../support/upstream.ts'

const STARTED_AT = Date.UTC(2026, 0, 1)
const MINUTE_MS = 60_000

/** What is in a data directory whose mirrors `a` and `b` have two snapshots each. */
export interface FilledSite {
  /** The names of a mirror's snapshots, oldest first. */
  readonly names: Readonly<Record<'a' | 'b', readonly string[]>>
  /** The last moment that its server was told. */
  readonly now: number
}

/**
 * Puts a filled data directory and the repository of both mirrors where they are to be. The syncs are made once per run of the tests,
 * whichever test file asks: four for every test were most of what the tests of writes took.
 */
export async function copyFilledSite(t: TestContext, dataDir: string, root: string): Promise<FilledSite> {
  // Outside a run of the tests it stays where it is, for whichever checkout comes next.
  const filled = join(tmpdir(), `pinyon-test-site-${process.getuid?.() ?? 0}-${knownSchema()}`)
  if (!existsSync(filled)) await fill(t, filled)
  cpSync(join(filled, 'data'), dataDir, { recursive: true, preserveTimestamps: true })
  cpSync(join(filled, 'root'), root, { recursive: true, preserveTimestamps: true })
  return JSON.parse(readFileSync(join(filled, 'site.json'), 'utf8')) as FilledSite
}

async function fill(t: TestContext, target: string): Promise<void> {
  const dir = mkdtempSync(`${target}-`)
  const root = join(dir, 'root')
  mkdirSync(root)
  const upstream = await startUpstream(t, root)
  const mirror = { baseurl: upstream.url, retries: 0 }
  const settings = { listen: '127.0.0.1:0', data_dir: './data', sync_interval: 'off' }
  const text = JSON.stringify({ ...settings, mirrors: { a: mirror, b: mirror } })
  const config = parseConfig(join(dir, 'pinyon.yaml'), text, {})
  let now = STARTED_AT
  const app = await App.open({
    config,
    log: createSilentLogger(),
    now: () => (now += MINUTE_MS),
    createIngests: ingestHere(),
  })
  // Only a server that answers has generations.
  await app.listen()
  const names = { a: [] as string[], b: [] as string[] }
  for (const version of ['1', '2']) {
    writeSyntheticRepository(root, { packages: [{ name: 'p', version }] })
    for (const name of ['a', 'b'] as const) {
      const result = await app.sync(name)
      if (result.outcome === 'failed') throw result.error
      names[name].push(result.snapshot.name)
    }
  }
  await app.close()
  writeFileSync(join(dir, 'site.json'), JSON.stringify({ names, now } satisfies FilledSite))
  try {
    renameSync(dir, target)
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(target)) throw error
  }
}
