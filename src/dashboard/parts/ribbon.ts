import type { FarmMirror, SnapshotMark } from '../../snapshot/farm/farm.ts'
import { html, type Html } from '../html.ts'
import { counted, span } from '../text.ts'
import type { TimeAxis } from './axis.ts'

const HEIGHT = 28
const GRID = 'days'
const BASE = 19
const MAX_TICK = 14
/** Of packages that change in one snapshot, from one to a few thousand. */
const DECADES = 3.3

/** What all ribbons of a page have: drawn once, it is referred to. */
export function ribbonGrid(axis: TimeAxis): Html {
  return html`<svg class="defs" aria-hidden="true">
    <defs>${axis.grid(HEIGHT, GRID)}</defs>
  </svg>`
}

/** A mirror's last two weeks in one line: snapshots, what jobs get since when, and trouble of upstream. */
export function ribbon(
  mirror: FarmMirror,
  marks: readonly SnapshotMark[],
  axis: TimeAxis,
  { isDown }: { readonly isDown: boolean },
): Html {
  const { current, pinned } = mirror
  const seq = current?.seq ?? 0
  const ticks = (some: readonly SnapshotMark[]) =>
    some.map(({ createdAt, changed }) => `M${axis.x(createdAt)} ${BASE}v-${tickHeight(changed)}`).join('')
  const old = ticks(marks.filter((mark) => mark.seq < seq))
  const waiting = ticks(marks.filter((mark) => mark.seq > seq))
  const at = current === undefined ? undefined : axis.x(current.createdAt)
  const from = Math.max(0, at ?? 0)
  const down = Math.max(0, axis.x(mirror.failingSince ?? mirror.succeededAt ?? axis.endMs))
  return html`<svg
    class="rb${pinned && ' p'}"
    viewBox="0 0 336 ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${describe(mirror, marks, isDown, axis.endMs)}"
  >
    <use href="#${GRID}" />
    ${old !== '' && html`<path class="o" d="${old}" />`}${at !== undefined && html`<path class="s" d="M${from} ${BASE}H336" />`}${waiting !== '' && html`<path class="w" d="${waiting}" />`}${isDown && html`<path class="x" d="M${Math.min(down, 331)} ${BASE}H336" />`}${at !== undefined && (at < 2 ? html`<path class="kl" d="M5 15l-4 4 4 4" />` : html`<path class="k" d="M${Math.min(at, 335)} ${BASE}h0" />`)}
  </svg>`
}

/** By the logarithm of what changed: an update of ten and one of a thousand packages are both seen. */
export function tickHeight(changed: number | undefined, most: number = MAX_TICK): number {
  const height = 4 + (Math.log10(1 + (changed ?? 3)) / DECADES) * (most - 4)
  return Math.round(Math.min(most, height) * 10) / 10
}

function describe(
  { current, currentSince, pinned, pinnedSince, waiting }: FarmMirror,
  marks: readonly SnapshotMark[],
  isDown: boolean,
  nowMs: number,
): string {
  const trouble = isDown ? '; upstream down' : ''
  const snapshots = `${counted(marks.length, 'snapshot')} in 14 days`
  if (current === undefined) return `${snapshots}; jobs get none${trouble}`
  const since = pinnedSince ?? currentSince
  const age = since === undefined ? '' : `, for ${span(nowMs - since)}`
  const held = pinned
    ? `pinned${age}; ${counted(waiting, 'newer one waits', 'newer wait')}`
    : `jobs get the newest${age}`
  return `${snapshots}; ${held}${trouble}`
}
