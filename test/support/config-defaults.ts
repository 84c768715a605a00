import type { CacheConfig, PrefetchConfig, RetentionConfig } from '../../src/config/config.ts'

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

/** What a configuration says of fetching ahead, and a mirror of that: nothing, so that a test counts only what it asks for. */
export const NO_PREFETCH = {
  policy: 'on_demand',
  warmWindowMs: 30 * DAY_MS,
  prefetch: { parallel: 4, throttle: 20 * 2 ** 20 } satisfies PrefetchConfig,
} as const
export const ON_DEMAND = { policy: 'on_demand', warmWindowMs: 30 * DAY_MS, fallbacks: [] } as const
