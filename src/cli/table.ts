import { escapeHidden } from '../model/shown-text.ts'

/** Lays out rows as columns for a terminal: each as wide as its widest cell, two spaces between. Ends with a newline. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

/** Bytes for people: three digits and a binary unit. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** How long ago a moment was, in its largest unit; `never` for null. */
export function formatAge(iso: string | null, nowMs: number): string {
  if (iso === null) return 'never'
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1000))
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h ago`
  return `${Math.round(seconds / 86_400)} d ago`
}

/** JSON for a terminal or a program: the same to whoever reads it as JSON, without characters that hide or reorder what people see. */
export function formatJson(value: unknown, indent?: number): string {
  return escapeHidden(JSON.stringify(value, undefined, indent))
}

/** Text from outside, safe on a terminal: controls, invisible and direction-changing characters become `?`. */
export function toPrintable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}
