import type { CacheConfig, RetentionConfig } from '../../src/config/config.ts'

const DAY_MS = 86_400_000

/** What a configuration without `retention` comes to. */
export const DEFAULT_RETENTION: RetentionConfig = {
  keep: 100,
  maxAgeMs: 14 * DAY_MS,
  keepUsedMs: 3 * DAY_MS,
  graceGenerations: 0,
  removedMs: 14 * DAY_MS,
}

/** What a configuration without `cache` comes to. */
export const DEFAULT_CACHE: CacheConfig = { maxBytes: 200 * 2 ** 30, memoryBytes: 256 * 2 ** 20 }
