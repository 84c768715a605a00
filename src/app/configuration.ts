import type { Publish } from '../config/write.ts'
import { replaceFile } from '../system/publish.ts'
import { writeLike } from '../system/write-like.ts'
import { ConfigChanges } from './config-changes.ts'
import { ConfigFile } from './config-file.ts'
import { RunningConfig, type RunningConfigOptions } from './running-config.ts'
import type { Storage } from './storage.ts'

/** What a server's configuration is built from. */
export interface ConfigurationOptions extends Omit<RunningConfigOptions, 'store'> {
  readonly storage: Storage
  /** Puts an edited file in its place. */
  readonly publishConfig: Publish | undefined
}

/** The configuration that runs, and what commands change in its file. */
export function createConfiguration({
  storage,
  publishConfig = replaceFile,
  ...options
}: ConfigurationOptions): {
  readonly running: RunningConfig
  readonly changes: ConfigChanges
} {
  const { config, load, now } = options
  const store = storage.snapshots
  const running = new RunningConfig({ ...options, store })
  const changes = new ConfigChanges({
    running,
    file: load === undefined ? undefined : new ConfigFile(config.file, { writeLike, publish: publishConfig }),
    store,
    now,
    removalGraceMs: () => running.current.retention.removedMs,
    flushUsage: () => storage.usage.flush(),
  })
  return { running, changes }
}
