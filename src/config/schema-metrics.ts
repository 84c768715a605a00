import * as z from 'zod'
import { parseBoolean, value } from './schema-value.ts'

/** What stands for an absent key of `metrics`, as one would write it. */
export const METRICS_DEFAULTS = { per_mirror: true } as const

/** `metrics`: what `/metrics` tells apart. */
export function metricsSchema() {
  return z
    .strictObject(
      { per_mirror: value(parseBoolean).prefault(METRICS_DEFAULTS.per_mirror) },
      { error: 'a mapping of keys such as per_mirror' },
    )
    .prefault({})
}
