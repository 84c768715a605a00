import type { Unit } from '../measure/figure.ts'

const KIB = 1024
const MIB = KIB * KIB

const FORMATS: Readonly<Record<Unit, (value: number) => string>> = {
  'requests/s': withThousands,
  µs: formatUs,
  ms: (ms) => formatUs(ms * 1_000),
  s: (seconds) => formatUs(seconds * 1_000_000),
  bytes: formatBytes,
  count: withThousands,
}

/** A value as people read it: `1.24 s`, `87 MiB`, `48,200`. */
export function formatValue(value: number, unit: Unit): string {
  return FORMATS[unit](value)
}

function formatUs(us: number): string {
  if (us < 1_000) return `${significant(us)} µs`
  if (us < 1_000_000) return `${significant(us / 1_000)} ms`
  return `${significant(us / 1_000_000)} s`
}

function formatBytes(bytes: number): string {
  if (bytes < KIB) return `${bytes.toFixed(0)} B`
  if (bytes < MIB) return `${significant(bytes / KIB)} KiB`
  if (bytes < 10_000 * MIB) return `${significant(bytes / MIB)} MiB`
  return `${significant(bytes / MIB / KIB)} GiB`
}

/** Three digits that say something. */
function significant(value: number): string {
  if (value >= 100) return withThousands(value)
  return value.toFixed(value >= 10 ? 1 : 2)
}

function withThousands(value: number): string {
  if (value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value)) return value.toFixed(1)
  return value.toFixed(0).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}
