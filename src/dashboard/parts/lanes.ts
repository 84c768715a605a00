import type {
  CheckRun,
  CurrentSince,
  FarmMirror,
  HeldByView,
  SnapshotMark,
} from '../../snapshot/farm/farm.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { clip, count, counted, day, moment, span } from '../text.ts'
import type { TimeAxis } from './axis.ts'
import { tickHeight } from './ribbon.ts'

const MINUTE_MS = 60_000
const HEIGHT = 132
const BASE = 112
const MOST = 88
/** Labels of figures that are far enough apart to be read, in percent of the axis. */
const LABEL_GAP = 14
const MAX_LABELS = 4
/** Of a span that is too narrow for its words, in percent. */
const MIN_LABELLED = 5
/** Failures that are so near to each other, in percent, are told of together. */
const OUTAGE_GAP = 2

/** What the lanes are drawn from. */
export interface LaneFacts {
  readonly mirror: FarmMirror
  readonly marks: readonly SnapshotMark[]
  readonly currents: readonly CurrentSince[]
  readonly failures: readonly CheckRun[]
  readonly holders: readonly HeldByView[]
}

/** A mirror's last two weeks in lanes over one axis. */
export function lanes(facts: LaneFacts, axis: TimeAxis): Html {
  return html`<div class="tl">
    ${snapshotLane(facts, axis)}${lane('Jobs got', html`<div class="seg" role="img" aria-label="${describeCurrents(facts, axis)}">${currentPieces(facts, axis)}</div>`)}${lane('Upstream', html`<div class="upl" role="img" aria-label="${describeFailures(facts.failures, axis)}">${failurePieces(facts.failures, axis)}</div>`)}${facts.holders.length > 0 && lane('Held by views', html`<div class="vw" role="img" aria-label="${`Held by ${counted(facts.holders.length, 'view')}: ${facts.holders.map(({ view }) => clip(view, 40)).join(', ')}`}">${viewPieces(facts.holders, axis)}</div>`)}
    <div class="lane ax">
      <span></span>
      <div>${axis.labels()}</div>
    </div>
  </div>`
}

function lane(name: string, figure: HtmlPart): Html {
  return html`<div class="lane">
    <span>${name}</span>
    <div>${figure}</div>
  </div>`
}

function snapshotLane({ mirror, marks }: LaneFacts, axis: TimeAxis): Html {
  const seq = mirror.current?.seq
  const place = (mark: SnapshotMark) => ({
    x: Math.min(axis.x(mark.createdAt), 335),
    height: tickHeight(mark.changed, MOST),
  })
  const stems = (some: readonly SnapshotMark[]) =>
    some.map((mark) => `M${place(mark).x} ${BASE}v-${place(mark).height}`).join('')
  const heads = (some: readonly SnapshotMark[]) =>
    some.map((mark) => `M${place(mark).x} ${Math.round((BASE - place(mark).height) * 10) / 10}h0`).join('')
  const old = marks.filter((mark) => seq === undefined || mark.seq < seq)
  const waiting = marks.filter((mark) => seq !== undefined && mark.seq > seq)
  const current = marks.filter((mark) => mark.seq === seq)
  const paths = [
    ['o', stems(old)],
    ['od', heads(old)],
    ['w', stems(waiting)],
    ['wd', heads(waiting)],
    ['wi', heads(waiting)],
    ['ks', stems(current)],
    ['k', heads(current)],
  ] as const
  const drawn = paths.map(([kind, path]) => path !== '' && html`<path class="${kind}" d="${path}" />`)
  return html`<div class="lane snaps">
    <span>Snapshots</span>
    <div>
      <svg
        class="${mirror.pinned && 'p'}"
        viewBox="0 0 336 ${HEIGHT}"
        preserveAspectRatio="none"
        role="img"
        aria-label="${describeMarks(mirror, marks)}"
      >
        ${axis.grid(HEIGHT)}
        <path class="base" d="M0 ${BASE}H336" />
        ${drawn}</svg
      >${labels(mirror, marks, axis)}
    </div>
  </div>`
}

/** The largest changes in words, as far apart as can be read; and what jobs get. */
function labels({ current }: FarmMirror, marks: readonly SnapshotMark[], axis: TimeAxis): HtmlPart {
  const taken: number[] = []
  const largest = marks.toSorted((a, b) => (b.changed ?? 0) - (a.changed ?? 0))
  const ordered = [
    ...marks.filter(({ seq }) => seq === current?.seq),
    ...largest.filter(({ seq }) => seq !== current?.seq),
  ]
  return ordered.map((mark) => {
    const at = axis.percent(mark.createdAt)
    const isCurrent = mark.seq === current?.seq
    if (taken.length >= MAX_LABELS || taken.some((other) => Math.abs(other - at) < LABEL_GAP))
      return undefined
    if (!isCurrent && (mark.changed ?? 0) === 0) return undefined
    taken.push(at)
    const side = at > 90 ? ' end' : at < 6 ? ' begin' : ''
    const top = Math.max(0, Math.round((BASE - tickHeight(mark.changed, MOST) - 26) / 8))
    const words = isCurrent ? html`<b>jobs get this</b>` : html`${counted(mark.changed ?? 0, 'package')}`
    return html`<span class="lb desk x${at} y${top}${side}">${words}</span>`
  })
}

function describeMarks({ current, pinned, waiting }: FarmMirror, marks: readonly SnapshotMark[]): string {
  const [largest] = marks.toSorted((a, b) => (b.changed ?? 0) - (a.changed ?? 0))
  const most =
    largest?.changed === undefined
      ? ''
      : ` The largest, ${largest.name}, changed ${counted(largest.changed, 'package')}.`
  const held = pinned
    ? `Pinned and current: ${current?.name ?? 'none'}; ${counted(waiting, 'newer one waits', 'newer wait')}.`
    : `Jobs get ${current?.name ?? 'none'}.`
  return `${counted(marks.length, 'snapshot')} in 14 days. ${held}${most}`
}

function currentPieces({ currents, mirror }: LaneFacts, axis: TimeAxis): HtmlPart {
  return currents.map(({ snapshot, since }, at) => {
    const until = currents[at + 1]?.since ?? axis.endMs
    const from = axis.percent(since)
    const width = axis.percent(until) - from
    if (until < axis.startMs || snapshot === undefined) return undefined
    const isPinned = mirror.pinned && at === currents.length - 1
    const words =
      width >= 24
        ? `${snapshot}${isPinned ? ', pinned' : ''}`
        : width >= MIN_LABELLED
          ? day(since, axis.endMs)
          : ''
    return html`<i class="x${from} w${width}${isPinned && ' pp'}">${words}</i>`
  })
}

function describeCurrents({ currents }: LaneFacts, axis: TimeAxis): string {
  const parts = currents
    .slice(-6)
    .map(({ snapshot, since }) => `${snapshot ?? 'nothing'} since ${moment(since, axis.endMs)}`)
  return parts.length === 0 ? 'Jobs got nothing yet' : `Jobs got ${parts.join(', ')}`
}

function failurePieces(failures: readonly CheckRun[], axis: TimeAxis): HtmlPart {
  const shown = failures.filter(({ lastAt }) => lastAt >= axis.startMs)
  const pieces = shown.map(({ firstAt, lastAt, durationMs }) => {
    const from = axis.percent(firstAt)
    return html`<i class="x${from} w${axis.percent(lastAt + durationMs) - from}"></i>`
  })
  const [last] = shown
  if (last === undefined) return pieces
  const end = axis.percent(last.lastAt + last.durationMs)
  // Failures for one reason after the other are one outage.
  const outage = shown.filter(({ lastAt }) => end - axis.percent(lastAt) <= OUTAGE_GAP)
  const firstAt = Math.min(...outage.map((one) => one.firstAt))
  const forMs = last.lastAt - firstAt + last.durationMs
  const words =
    forMs < MINUTE_MS ? `failed at ${moment(last.lastAt, axis.endMs)}` : `failed for ${span(forMs)}`
  const side = end > 70 ? `x${axis.percent(firstAt)} before` : `x${end} behind`
  return [...pieces, html`<span class="lb desk ${side}">${words}</span>`]
}

function describeFailures(failures: readonly CheckRun[], axis: TimeAxis): string {
  const shown = failures.filter(({ lastAt }) => lastAt >= axis.startMs)
  if (shown.length === 0) return 'No check of upstream failed in 14 days'
  const [last] = shown
  const checks = shown.reduce((sum, { times }) => sum + times, 0)
  return `${counted(checks, 'check')} of upstream failed in 14 days, the last at ${moment(last?.lastAt ?? 0, axis.endMs)}: ${clip(last?.reason ?? '')}`
}

/** Views from when they were made on; in words the one that ends last. */
function viewPieces(holders: readonly HeldByView[], axis: TimeAxis): HtmlPart {
  const [last] = holders
  if (last === undefined) return undefined
  const pieces = holders.map(({ createdAt }) => {
    const from = Math.min(99, axis.percent(createdAt))
    return html`<i class="x${from} w${100 - from}"></i>`
  })
  const from = Math.min(...holders.map(({ createdAt }) => axis.percent(createdAt)))
  const more = holders.length === 1 ? '' : ` and ${holders.length - 1} more`
  const words = `${clip(last.view, 40)}${more}, until ${moment(last.endsAt, axis.endMs)}`
  return [pieces, html`<span class="lb x${from}${from > 50 ? ' before' : ' behind'}">${words}</span>`]
}

/** How many of what, for a heading. */
export function marksInWords(marks: readonly SnapshotMark[]): string {
  return `${count(marks.length)} ${marks.length === 1 ? 'snapshot' : 'snapshots'}; height is how many packages changed`
}
