import { formatInstant } from '../model/instant.ts'
import { html, type Html } from './html.ts'

/** The most characters that are shown of what somebody else has written. */
const MAX_LENGTH = 120
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Text from outside, cut to what a page shows of it. */
export function clip(text: string, length: number = MAX_LENGTH): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}

/** Text as a sentence, or a button, begins. */
export function upperFirst(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}

/** Text in which digests are as long as people compare. */
export function shortDigests(text: string): string {
  return text.replace(/(?<![0-9a-f])[0-9a-f]{32,128}(?![0-9a-f])/g, (digest) => `${digest.slice(0, 12)}…`)
}

/** A whole number, its thousands set apart by narrow spaces; `–` for what is not known. */
export function count(number: number | undefined | null): string {
  if (number === undefined || number === null) return '–'
  return String(Math.round(number)).replace(/\B(?=(?:\d{3})+$)/g, '\u202f')
}

/** A number and what it counts: `1 package`, `2 packages`. */
export function counted(number: number, noun: string, plural = `${noun}s`): string {
  return `${count(number)} ${number === 1 ? noun : plural}`
}

/** Bytes for people: two or three digits and a binary unit. */
export function bytes(number: number | undefined | null): string {
  if (number === undefined || number === null) return '–'
  let [value, unit] = [number, 0]
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit] ?? ''}`
}

/** A span in words of two units at most: `2 h 10 min`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < MINUTE_MS) return `${Math.round(ms / 1_000)} s`
  const [days, hours] = [Math.floor(ms / DAY_MS), Math.floor((ms % DAY_MS) / HOUR_MS)]
  const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS)
  if (days >= 10 || (days > 0 && hours === 0)) return counted(days, 'day')
  if (days > 0) return `${counted(days, 'day')} ${hours} h`
  if (hours > 0) return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`
  return `${minutes} min`
}

/** `17 Mar`, of another year `17 Mar 2025`. UTC. */
export function day(atMs: number, nowMs: number): string {
  const date = new Date(atMs)
  const year = date.getUTCFullYear()
  const text = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''}`
  return year === new Date(nowMs).getUTCFullYear() ? text : `${text} ${year}`
}

/** `09:43`, of another day `17 Mar 09:43`. UTC. */
export function moment(atMs: number, nowMs: number): string {
  const clock = new Date(atMs).toISOString().slice(11, 16)
  const isToday = new Date(atMs).toISOString().slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10)
  return isToday ? clock : `${day(atMs, nowMs)} ${clock}`
}

/** A moment; where a script runs, how long ago that is. `never` for what has not happened. */
export function ago(atMs: number | undefined | null, nowMs: number, never = 'never'): Html {
  if (atMs === undefined || atMs === null) return html`${never}`
  return html`<time class="ago" datetime="${formatInstant(atMs)}">${moment(atMs, nowMs)}</time>`
}

/** A moment, as it is. */
export function time(atMs: number, nowMs: number): Html {
  return html`<time datetime="${formatInstant(atMs)}">${moment(atMs, nowMs)}</time>`
}

/** A part of a whole in percent, from 0 to 100; what is not nothing is at least 1. */
export function percent(part: number, whole: number): number {
  if (whole <= 0 || part <= 0) return 0
  return Math.max(1, Math.min(100, Math.round((part / whole) * 100)))
}

/** A URL as it may be shown: without credentials, query and fragment. */
export function shownUrl(url: string): string {
  try {
    const parsed = new URL(url)
    // What stands for a package's name, in a template, is to be read.
    const path = parsed.pathname.replaceAll('%7B', '{').replaceAll('%7D', '}')
    return parsed.protocol === 'file:' ? `file://${path}` : `${parsed.host}${path}`
  } catch {
    return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1').replace(/[?#].*$/s, '')
  }
}
