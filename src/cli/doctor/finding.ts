/** How a check came out: `warn` works for now, `fail` keeps pinyon, or a mirror, from working. */
export type Level = 'ok' | 'warn' | 'fail'

/** What one check found. */
export interface Finding {
  /** What was looked at, such as `node`, `disk`, `mirror epel-el9`. */
  readonly check: string
  readonly level: Level
  readonly found: string
  /** What to do about it. */
  readonly advice?: string
}

/** A check that found nothing wrong. */
export function fine(check: string, found: string): Finding {
  return { check, level: 'ok', found }
}

/** The worst of some findings. */
export function worst(findings: readonly Finding[]): Level {
  if (findings.some(({ level }) => level === 'fail')) return 'fail'
  return findings.some(({ level }) => level === 'warn') ? 'warn' : 'ok'
}
