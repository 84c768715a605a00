import type { TestContext } from 'node:test'

import { FIRST_REVISION } from '../../support/repodata-files.ts'
import { startApp, type StartedApp } from '../../support/start-app.ts'
import { writeSyntheticRepository } from '../../support/synthetic-repository.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { startUpstream } from '../../support/upstream.ts'
import { Client } from './run-client.ts'
import { writeSlave } from './slave.ts'

/** A server with the mirrors `m` and `m2`, and a slave. */
export interface Farm extends StartedApp {
  readonly client: Client
  /** The slave's root. */
  readonly root: string
  /** For commands and the like. */
  readonly scratch: string
  /** Another slave like the first one. */
  readonly newClient: () => Client
  /** Publishes a next snapshot of both mirrors. */
  readonly publish: () => Promise<void>
}

/** Starts a server, and makes a slave that has begun nothing. */
export async function startFarm(t: TestContext): Promise<Farm> {
  const trees = [tempDir(t), tempDir(t)]
  let nowMs = Date.UTC(2026, 0, 1)
  const upstreams = await Promise.all(trees.map((tree) => startUpstream(t, tree)))
  const mirrors = { m: upstreams[0]?.url ?? '', m2: upstreams[1]?.url ?? '' }
  const app = await startApp(t, { mirrors, now: () => nowMs })
  let version = 0
  const publish = async () => {
    version += 1
    nowMs += 60_000
    // Later snapshots are of later times: yum 3 compares them.
    const options = { packages: [{ name: 'x', version: `${version}` }], revision: FIRST_REVISION + version }
    for (const tree of trees) writeSyntheticRepository(tree, options)
    await app.sync('m')
    await app.sync('m2')
  }
  await publish()
  const scratch = tempDir(t)
  const newClient = () => {
    const root = tempDir(t)
    writeSlave(root)
    return new Client(root, app.url, scratch)
  }
  const client = newClient()
  return { ...app, root: client.root, scratch, publish, client, newClient }
}
