import { html, type Html } from '../html.ts'
import { day } from '../text.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What a time axis shows, in hours; one unit of a figure's width is an hour. */
const AXIS_HOURS = 336
/** Figures need not move more often. */
const STEP_MS = 600_000
/** Days between two lines. */
const GRID_DAYS = 3

/** Two weeks up to now, drawn 336 units wide. */
export class TimeAxis {
  /** Its right end, in milliseconds since the epoch. */
  readonly endMs: number
  readonly startMs: number

  constructor(nowMs: number) {
    this.endMs = Math.ceil(nowMs / STEP_MS) * STEP_MS
    this.startMs = this.endMs - AXIS_HOURS * HOUR_MS
  }

  /** Where a moment is, in units from the left; outside of 0 to 336 for one that is not on it. */
  x(atMs: number): number {
    return Math.round(((atMs - this.startMs) / HOUR_MS) * 10) / 10
  }

  /** The same in whole percent, within the axis. */
  percent(atMs: number): number {
    return Math.max(0, Math.min(100, Math.round(((atMs - this.startMs) / (AXIS_HOURS * HOUR_MS)) * 100)))
  }

  /** The path of lines at midnights. @param id by which other figures of this height may have it as well */
  grid(height: number, id?: string): Html {
    return html`<path
      ${id !== undefined && html`id="${id}"`}
      class="g"
      d="${this.#midnights()
        .map((atMs) => `M${this.x(atMs)} 0v${height}`)
        .join('')}"
    />`
  }

  /** Days in words, for below or above a figure. */
  labels(): Html {
    const days = this.#midnights().map(
      (atMs, at) =>
        html`<text x="${this.percent(atMs)}%" y="12" ${at % 2 === 1 && html`class="hide"`}>
          ${day(atMs, this.endMs)}
        </text>`,
    )
    return html`<svg class="axis" aria-hidden="true">
      ${days}
      <text class="now" x="100%" y="12">now</text>
    </svg>`
  }

  #midnights(): number[] {
    const last = Math.floor(this.endMs / DAY_MS) * DAY_MS
    const all = Array.from({ length: 5 }, (_, back) => last - back * GRID_DAYS * DAY_MS)
    // The word for now needs its place.
    return all
      .filter((atMs) => atMs > this.startMs && this.endMs - atMs > 0.06 * AXIS_HOURS * HOUR_MS)
      .toReversed()
  }
}
