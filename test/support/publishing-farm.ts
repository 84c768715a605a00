import type { TestContext } from 'node:test'

import { startApp, type StartedApp } from './start-app.ts'
import { writeSyntheticRepository } from './synthetic-repository.ts'
import { tempDir } from './temp-dir.ts'
import { startUpstream } from './upstream.ts'

const MINUTE_MS = 60_000

/** A server whose mirrors change as often as is asked for. */
export interface PublishingFarm extends StartedApp {
  /** Publishes the next snapshot, of one mirror after the other. */
  readonly publish: () => Promise<void>
}

/** Starts a server with a mirror of each of these names, and publishes a snapshot of each. */
export async function startPublishingFarm(t: TestContext, names: readonly string[]): Promise<PublishingFarm> {
  const dirs = names.map(() => tempDir(t))
  const upstreams = await Promise.all(dirs.map((dir) => startUpstream(t, dir)))
  let nowMs = Date.UTC(2026, 0, 1)
  const mirrors = Object.fromEntries(names.map((name, index) => [name, upstreams[index]?.url ?? '']))
  const farm = await startApp(t, { mirrors, now: () => nowMs })
  let version = 0
  const publish = async () => {
    version += 1
    nowMs += MINUTE_MS
    const turn = version % names.length
    writeSyntheticRepository(dirs[turn] ?? '', { packages: [{ name: 'x', version: `${version}` }] })
    await farm.sync(names[turn] ?? '')
  }
  for (const _ of names) await publish()
  return { ...farm, publish }
}
