const SIZE = /^(\d{1,16}(?:\.\d{1,6})?) ?(?:([kKMGTP])(i?)B?|B)?$/
const SIZE_UNITS = ['', 'k', 'M', 'G', 'T', 'P'] as const

/**
 * Reads a number of bytes such as `200GiB`, `1.5G` or `512MiB`: units of 1024 with the `i`, as IEC 80000-13 has it, and of 1000 without;
 * a number alone is bytes. Undefined when it is none.
 */
export function parseSize(text: string): number | undefined {
  const [matched, amount = '', unit = '', binary = ''] = SIZE.exec(text) ?? []
  if (matched === undefined) return undefined
  const power = SIZE_UNITS.findIndex((known) => known.toLowerCase() === unit.toLowerCase())
  const bytes = Math.round(Number(amount) * (binary === '' ? 1000 : 1024) ** power)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Writes bytes so that {@link parseSize} reads the same number back: in the largest unit of 1024 that leaves a whole number. */
export function formatSize(bytes: number): string {
  let power = 0
  while (power < SIZE_UNITS.length - 1 && bytes > 0 && bytes % 1024 ** (power + 1) === 0) power += 1
  return power === 0 ? `${bytes}B` : `${bytes / 1024 ** power}${SIZE_UNITS[power]?.toUpperCase() ?? ''}iB`
}
