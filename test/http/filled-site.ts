import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { App } from '../../src/app/app.ts'
import { parseConfig } from '../../src/config/load.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { copyFilled } from '../support/filled-directory.ts'
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

/** Puts a filled data directory, `data`, and the repository of both mirrors, `root`, into a directory. */
export async function copyFilledSite(t: TestContext, dir: string): Promise<FilledSite> {
  await copyFilled('site', dir, t, fill)
  return JSON.parse(readFileSync(join(dir, 'site.json'), 'utf8')) as FilledSite
}

async function fill(t: TestContext, dir: string): Promise<void> {
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
}
