const TRUE = /^(?:1|yes|true|on)$/i
const FALSE = /^(?:0|no|false|off)$/i

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** A boolean as yum and dnf write it; undefined for what neither takes for one. */
export function parseYumBoolean(text: string): boolean | undefined {
  if (TRUE.test(text)) return true
  return FALSE.test(text) ? false : undefined
}

/** The items of a list, which spaces, commas and line breaks separate. */
export function splitYumList(text: string): string[] {
  return text.split(/[\s,]+/).filter((item) => item !== '')
}

/** A span of time in seconds: `30`, `1.5`, `90s`, `5m`, `2h`, `1d`. Undefined for anything else, `never` and `-1` included. */
export function parseYumSeconds(text: string): number | undefined {
  const [, amount, unit = 's'] = /^(\d{1,9}(?:\.\d{1,6})?)([smhd])?$/i.exec(text) ?? []
  if (amount === undefined) return undefined
  return Number(amount) * UNIT_SECONDS[unit.toLowerCase() as keyof typeof UNIT_SECONDS]
}

/** A value without the quotes around it as a whole, which dnf takes off and yum 3 does not. */
export function unquoteYumValue(text: string): string {
  const [first = ''] = text
  return text.length > 1 && (first === '"' || first === "'") && text.endsWith(first)
    ? text.slice(1, -1)
    : text
}
