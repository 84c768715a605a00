import { utimesSync } from 'node:fs'
import type { TestContext } from 'node:test'

import type { MirrorConfig } from '../../src/config/config.ts'
import { FIRST_REVISION } from '../support/repodata-files.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { writeSyntheticRepository, type SyntheticPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** A server with one mirror, `m`, that is synced, and whose sources all serve the same repository. */
export interface Farm extends StartedApp {
  readonly sources: readonly Upstream[]
  /** Where the repository lies. */
  readonly root: string
  /** URL of the mirror's snapshot, with a slash at the end. */
  readonly snapshot: string
  /** Gets a file of the snapshot. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<HttpReply>
}

/** How a farm differs from an empty one with a single source. */
export interface FarmOptions {
  readonly packages: readonly SyntheticPackage[]
  readonly sources?: number
  readonly mirror?: Partial<MirrorConfig>
}

/** Starts a farm; the logs of its sources begin after the sync. */
export async function startFarm(t: TestContext, options: FarmOptions): Promise<Farm> {
  const root = tempDir(t)
  const { packages } = writeSyntheticRepository(root, { packages: options.packages })
  // As old as files are: of one that changed as it was sent there is no validator.
  for (const { path } of packages) utimesSync(path, FIRST_REVISION, FIRST_REVISION)
  const starting = Array.from({ length: options.sources ?? 1 }, () => startUpstream(t, root))
  const sources = await Promise.all(starting)
  const baseurls = sources.map(({ url }) => url)
  const started = await startApp(t, { mirrors: { m: { baseurls, ...options.mirror } } })
  await started.sync('m')
  for (const source of sources) source.requests.length = 0
  const snapshot = `${await started.current('m')}/`
  const get = (path: string, headers: Record<string, string> = {}) => httpGet(snapshot + path, { headers })
  return { ...started, sources, root, snapshot, get }
}
