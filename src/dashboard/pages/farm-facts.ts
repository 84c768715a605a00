import type { CacheView } from '../../proxy/api-context.ts'
import type { DashboardContext } from '../context.ts'
import type { FarmState } from '../farm-state.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { card } from '../parts/pieces.ts'
import { bytes, count, moment, percent } from '../text.ts'

const DAY_MS = 86_400_000
const SPARK_HEIGHT = 44

/** The figures of the farm in a line. */
export function factsOf({ traffic, nowMs }: FarmState, context: DashboardContext): Html {
  const { requests, outcomes, lastHour, bytesSent, bytesFetched, cachedP99, fetchedP99, since } = traffic
  const fromCache = (outcomes.get('hit') ?? 0) + (outcomes.get('not_modified') ?? 0)
  const cache = context.cache()
  const hours = nowMs - since < DAY_MS ? `since ${moment(since, nowMs)}` : 'in 24 h'
  const only = cache.only_here_bytes
  return html`<dl class="facts" id="facts" data-live>
    <div>
      <dt>Requests, last hour</dt>
      <dd>${count(lastHour.requests)} <small>${count(lastHour.failed)} failed</small></dd>
    </div>
    <div>
      <dt>Answered from cache</dt>
      <dd>${part(fromCache, requests)} <small>${hours}</small></dd>
    </div>
    <div>
      <dt>First byte, 99 of 100</dt>
      <dd>${within(cachedP99)} <small>first fetch ${within(fetchedP99)}</small></dd>
    </div>
    <div>
      <dt>Fetched from upstream</dt>
      <dd>${bytes(bytesFetched)} <small>for ${bytes(bytesSent)} served</small></dd>
    </div>
    <div>
      <dt>Cache on disk</dt>
      <dd>
        ${bytes(cache.bytes)}
        <small
          >of
          ${bytes(cache.max_bytes)}${only !== null && only > 0 && `, ${bytes(only)} cannot be fetched again`}</small
        >
      </dd>
    </div>
  </dl>`
}

function part(some: number, all: number): string {
  if (all === 0) return '–'
  const value = (some / all) * 100
  return `${value === 100 ? '100' : Math.min(99.9, value).toFixed(1)} %`
}

function within(ms: number | undefined): string {
  return ms === undefined ? '–' : ms < 1_000 ? `≤ ${ms} ms` : `≤ ${ms / 1_000} s`
}

/** How requests were answered, and what the disk holds. */
export function trafficCard({ traffic, nowMs }: FarmState, context: DashboardContext): Html {
  return card(
    'traffic',
    'How requests were answered, 24 h',
    html`<div class="out">${spark(traffic, nowMs)}${answers(traffic)}${disk(context.cache())}</div>`,
  )
}

function spark({ quarters, requests, since }: FarmState['traffic'], nowMs: number): Html {
  const most = Math.max(1, ...quarters)
  const points = quarters.map(
    (value, at) => `${at} ${round(SPARK_HEIGHT - (value / most) * (SPARK_HEIGHT - 5))}`,
  )
  const line = `M${points.join('L')}`
  const from = Math.max(since, nowMs - DAY_MS)
  const busiest = Math.round((most / 900) * 10) / 10
  const peak =
    requests === 0 ? '' : `peak ${busiest < 1 ? `${count(most)} in 15 min` : `${busiest} a second`}`
  return html`<div>
    <svg
      class="spark"
      viewBox="0 0 95 44"
      preserveAspectRatio="none"
      role="img"
      aria-label="${`${count(requests)} requests since ${moment(from, nowMs)}${peak === '' ? '' : `, ${peak}`}`}"
    >
      <path class="fill" d="${line}L95 44L0 44Z" />
      <path class="edge" d="${line}" />
    </svg>
    <p class="row small">
      <span>${moment(nowMs - DAY_MS, nowMs)}, ${count(requests)} requests</span><span>${peak}</span
      ><span>now</span>
    </p>
  </div>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function answers({ outcomes, requests }: FarmState['traffic']): Html {
  const of = (...names: Parameters<typeof outcomes.get>[0][]) =>
    names.reduce((total, name) => total + (outcomes.get(name) ?? 0), 0)
  const failed = of('lost', 'error_upstream', 'error_digest', 'error_internal')
  const groups = [
    ['a', 'hit', of('hit')],
    ['h', 'not modified', of('not_modified')],
    ['t', 'join', of('join')],
    ['s', 'fill', of('fill', 'bypass')],
    ['d', 'redirect, not found', of('redirect', 'not_found', 'bad_request', 'aborted')],
    ['l', 'error', failed],
  ] as const
  const bars = groups.map(
    ([kind, , value]) => value > 0 && html`<i class="${kind} w${percent(value, requests)}"></i>`,
  )
  const items = groups.map(([kind, name, value]) => {
    if (value === 0 && name !== 'hit') return undefined
    const shown = name === 'error' ? `${count(value)} of ${count(requests)}` : part(value, requests)
    return html`<li><i class="${kind}"></i>${name} ${shown}</li>`
  })
  return html`<div>
    <div class="bar" aria-hidden="true">${bars}</div>
    <ul>
      ${items}
    </ul>
  </div>`
}

function disk(cache: CacheView): Html {
  const {
    bytes: used,
    max_bytes: max,
    only_here_bytes: only,
    fetchable_bytes: fetchable,
    repodata_bytes: repodata,
  } = cache
  const groups = [
    ['o', 'only here, never evicted', only],
    ['a', 'can be fetched again', fetchable],
    ['h', 'repodata', repodata],
  ] as const
  const known = groups.filter(([, , value]) => value !== null)
  const bars: HtmlPart =
    known.length === 0
      ? used > 0 && html`<i class="a w${percent(used, max)}"></i>`
      : known.map(
          ([kind, , value]) => (value ?? 0) > 0 && html`<i class="${kind} w${percent(value ?? 0, max)}"></i>`,
        )
  const items = known.map(
    ([kind, what, value]) => html`<li><i class="${kind}"></i>${bytes(value)} ${what}</li>`,
  )
  return html`<div>
    <p class="row"><span>Disk</span><span class="mu">${bytes(used)} of ${bytes(max)}</span></p>
    <div class="bar" aria-hidden="true">${bars}</div>
    <ul>
      ${items}
    </ul>
  </div>`
}
