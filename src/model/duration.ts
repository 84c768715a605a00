const UNIT_MS = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const

const UNITS = Object.keys(UNIT_MS) as (keyof typeof UNIT_MS)[]

/** One optional number for each unit, in falling order: `1w2d3h4m5s6ms`. */
const DURATION = new RegExp(`^${UNITS.map((unit) => `(?:(\\d{1,12}(?:\\.\\d{1,6})?)${unit})?`).join('')}$`)

/**
 * Reads a duration such as `30s`, `5m`, `1h30m` or `1.5d` (units w, d, h, m, s, ms, largest first) as milliseconds, rounded.
 * Undefined when it is none; a number without its unit is none.
 */
export function parseDuration(text: string): number | undefined {
  const amounts = text === '' ? null : DURATION.exec(text)
  if (amounts === null) return undefined
  return Math.round(
    UNITS.reduce((sum, unit, index) => sum + Number(amounts[index + 1] ?? 0) * UNIT_MS[unit], 0),
  )
}

/** Writes milliseconds so that {@link parseDuration} reads the same number back: `90000` is `1m30s`. Weeks stay days. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s'
  let restMs = durationMs
  let text = ''
  for (const unit of UNITS.filter((unit) => unit !== 'w')) {
    const amount = Math.floor(restMs / UNIT_MS[unit])
    restMs -= amount * UNIT_MS[unit]
    if (amount > 0) text += `${amount}${unit}`
  }
  return text
}
