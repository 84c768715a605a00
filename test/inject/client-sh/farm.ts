import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { copyFilled } from '../../support/filled-directory.ts'
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

/** A server, and what publishes the snapshots of both mirrors with this number. */
interface Publishing {
  readonly app: StartedApp
  readonly publish: (version: number) => Promise<void>
}

const MIRRORS = ['m', 'm2'] as const
const STARTED_AT = Date.UTC(2026, 0, 1)
const MINUTE_MS = 60_000

/** Starts a server, and makes a slave that has begun nothing. */
export async function startFarm(t: TestContext): Promise<Farm> {
  const dir = tempDir(t)
  await copyFilled('slaves', dir, t, fill)
  let version = 1
  const { app, publish } = await startPublishing(t, dir, version)
  const scratch = tempDir(t)
  const newClient = () => {
    const root = tempDir(t)
    writeSlave(root)
    return new Client(root, app.url, scratch)
  }
  const client = newClient()
  return { ...app, root: client.root, scratch, publish: () => publish((version += 1)), client, newClient }
}

/** The first snapshots. */
async function fill(t: TestContext, dir: string): Promise<void> {
  for (const name of [...MIRRORS, 'data']) mkdirSync(join(dir, name))
  const { app, publish } = await startPublishing(t, dir, 0)
  await publish(1)
  await app.close()
}

/** Starts a server where so many snapshots of each mirror are already. */
async function startPublishing(t: TestContext, dir: string, snapshots: number): Promise<Publishing> {
  const trees = MIRRORS.map((name) => join(dir, name))
  const [m, m2] = await Promise.all(trees.map((tree) => startUpstream(t, tree)))
  let nowMs = STARTED_AT + snapshots * MINUTE_MS
  const mirrors = { m: m?.url ?? '', m2: m2?.url ?? '' }
  const app = await startApp(t, { mirrors, dataDir: join(dir, 'data'), now: () => nowMs })
  const publish = async (version: number) => {
    nowMs += MINUTE_MS
    // Later snapshots are of later times: yum 3 compares them.
    const options = { packages: [{ name: 'x', version: `${version}` }], revision: FIRST_REVISION + version }
    for (const tree of trees) writeSyntheticRepository(tree, options)
    for (const name of MIRRORS) await app.sync(name)
  }
  return { app, publish }
}
