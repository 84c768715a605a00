import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Attention } from '../../proxy/attention.ts'
import type { FarmMirror, SnapshotMark } from '../../snapshot/farm/farm.ts'
import type { DashboardContext } from '../context.ts'
import {
  askedAgainAt,
  isDown,
  isUnused,
  syncState,
  type FarmState,
  type MirrorAttention,
} from '../farm-state.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { readPage, readQuery, type Links } from '../links.ts'
import { TimeAxis } from '../parts/axis.ts'
import { badge, completenessBar, pager, progressBar } from '../parts/pieces.ts'
import { ribbon, ribbonGrid } from '../parts/ribbon.ts'
import { ago, count, counted, time } from '../text.ts'

/** Mirrors on a page: more make it larger than a first load may be. */
const PAGE_ROWS = 100
const ROWS_AT_ONCE = 25
const DAY_MS = 86_400_000
/** Clients that are kept by name: as many are seen, or more. */
const MOST_HOSTS = 1_000
const LAST_LISTED_RANK = 8

interface TableOptions {
  readonly links: Links
  readonly query: URLSearchParams
  readonly attention: MirrorAttention
}

type Filter = (mirror: FarmMirror) => boolean

const SORTS: Readonly<Record<string, (a: FarmMirror, b: FarmMirror) => number>> = {
  checked: (a, b) => (a.checkedAt ?? 0) - (b.checkedAt ?? 0),
  current: (a, b) => (b.current?.createdAt ?? 0) - (a.current?.createdAt ?? 0),
  used: (a, b) => (b.lastUsed ?? 0) - (a.lastUsed ?? 0),
  risk: (a, b) => risk(b) - risk(a),
}

/** The mirrors: filtered, sorted and paged by the query. */
export async function mirrorsTable(
  { mirrors, nowMs }: FarmState,
  context: DashboardContext,
  { links, query, attention }: TableOptions,
): Promise<Html> {
  const filters: readonly (readonly [string, string, Filter])[] = [
    ['', 'All', () => true],
    ['look', 'Needs a look', ({ name }) => (attention.get(name)?.rank ?? 99) <= LAST_LISTED_RANK],
    ['pinned', 'Pinned', ({ pinned }) => pinned],
    ['syncing', 'Syncing', ({ name }) => syncState(name, context) !== undefined],
    ['unused', 'Unused for 14 days', (mirror) => isUnused(mirror, nowMs)],
  ]
  const show = filters.find(([key]) => key === query.get('show')) ?? filters[0]
  const text = readQuery(query, 'q').toLowerCase()
  const sort = query.get('sort') ?? ''
  const matching = mirrors.filter(({ name }) => name.toLowerCase().includes(text))
  const chosen = matching.filter((mirror) => show?.[2](mirror) ?? true)
  const order = SORTS[sort]
  const sorted = order === undefined ? placed(chosen) : chosen.toSorted(order)
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE_ROWS))
  const page = Math.min(readPage(query), pages)
  const rows = sorted.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS)
  const link = (more: Record<string, string | number | undefined>) =>
    links.to('/', { show: show?.[0], q: text, sort, ...more })
  const ids = rows.map(({ id }) => id)
  const axis = new TimeAxis(nowMs)
  const marks = await context.snapshots.farm.marks(ids, axis.startMs)
  const hosts = await context.snapshots.farm.hosts(ids, nowMs - DAY_MS)
  const chips = filters.map(
    ([key, name, filter]) =>
      html`<a class="chip" href="${link({ show: key })}" ${key === show?.[0] && html` aria-current="true"`}
        >${name} ${matching.filter(filter).length}</a
      >`,
  )
  const head = (key: string, name: string, kind: string) =>
    html`<th
      scope="col"
      class="${kind}"
      ${key === (sort || 'name') && html` aria-sort="${key === 'name' || key === 'checked' ? 'ascending' : 'descending'}"`}
    >
      <a href="${link({ sort: key === 'name' ? '' : key })}">${name}</a>
    </th>`
  const lines = await inParts(rows, (mirror) =>
    row(
      mirror,
      {
        marks: marks.get(mirror.id) ?? [],
        hosts: hosts.get(mirror.id) ?? 0,
        attention: attention.get(mirror.name),
        axis,
        nowMs,
      },
      context,
      links,
    ),
  )
  return html`<section class="card" id="mirrors" data-live aria-labelledby="h-m">
    <header>
      <h2 id="h-m">Mirrors</h2>
      <nav class="tools" aria-label="Filter">${chips}</nav>
      <form class="r" action="${links.to('/')}">
        <label class="sr" for="fq">Only mirrors whose name has</label
        ><input
          class="find"
          id="fq"
          name="q"
          type="search"
          placeholder="Filter by name"
          value="${readQuery(query, 'q')}"
        />
      </form>
    </header>
    ${ribbonGrid(axis)}
    <table class="farm">
      <caption class="sr">
        Mirrors, what jobs get of each, and who uses it
      </caption>
      <thead>
        <tr>
          ${head('name', 'Mirror', 'c-name')}
          <th scope="col" class="c-rb"><span class="sr">The last 14 days</span>${axis.labels()}</th>
          ${head('current', 'Jobs get', 'c-cur')}${head('checked', 'Checked', 'c-chk')}
          <th scope="col" class="c-pk pkc">
            <span class="pk"
              ><span>Packages</span><span>${linkTo(link({ sort: 'risk' }), 'cached')}</span></span
            >
          </th>
          ${head('used', 'Hosts, 24 h', 'c-use n use')}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
    ${rows.length === 0 && html`<p class="body mu">No mirror is like that.</p>`}${pager(pages, page, (one) => link({ page: one }))}${KEY}
  </section>`
}

/** Rows are made some at a time: others have their turn in between. */
async function inParts<T>(items: readonly T[], make: (item: T) => Html): Promise<Html[]> {
  const made: Html[] = []
  for (const [at, item] of items.entries()) {
    if (at > 0 && at % ROWS_AT_ONCE === 0) await nextTurn()
    made.push(make(item))
  }
  return made
}

function linkTo(href: string, text: string): Html {
  return html`<a href="${href}">${text}</a>`
}

/** What is out of the index comes last; else the eye finds each where it was. */
function placed(mirrors: readonly FarmMirror[]): readonly FarmMirror[] {
  return [...mirrors.filter(({ listed }) => listed), ...mirrors.filter(({ listed }) => !listed)]
}

function risk({ departed }: FarmMirror): number {
  return departed.lost.count * 1e9 + departed.at_risk.count
}

interface RowFacts {
  readonly marks: readonly SnapshotMark[]
  readonly hosts: number
  readonly attention: Attention | undefined
  readonly axis: TimeAxis
  readonly nowMs: number
}

function row(mirror: FarmMirror, facts: RowFacts, context: DashboardContext, links: Links): Html {
  const { name, current, departed, listed } = mirror
  const sync = syncState(name, context)
  const total = current?.packages ?? 0
  const figure =
    current === undefined && sync !== undefined
      ? html`<td class="rbc">
          <span class="fs"
            >${progressBar(sync.done, sync.total, `First sync of ${name}`)}<span class="mu"
              >${sync.text}</span
            ></span
          >
        </td>`
      : html`<td class="rbc">
          ${ribbon(mirror, facts.marks, facts.axis, { isDown: isDown(facts.attention) })}
        </td>`
  const gets =
    current === undefined
      ? html`<span class="mu">–</span>`
      : html`<a class="m" href="${links.snapshot(name, current.name)}">${current.name}</a>`
  const packages =
    current === undefined
      ? html`<span class="pk"><span>–</span></span>`
      : html`<span class="pk"
          ><span>${count(total)}</span
          >${completenessBar({ cached: current.cached ?? 0, atRisk: departed.at_risk.count, lost: departed.lost.count, total })}</span
        >`
  const hosts =
    current === undefined ? '–' : facts.hosts >= MOST_HOSTS ? `${count(facts.hosts)}+` : count(facts.hosts)
  return html`<tr${!listed && html` class="off"`}><th scope="row" class="nm"><span class="nmw"><a href="${links.mirror(name)}">${name}</a>${badgeOf(mirror, facts.attention, sync, facts.nowMs)}</span></th>${figure}<td class="cur">${gets}</td><td class="chk mu">${checked(mirror, sync, context, facts.nowMs)}</td><td class="pkc">${packages}</td><td class="n use">${hosts}</td></tr>
`
}

function badgeOf(
  { pinned, waiting, listed, removedAt, departed, defects, replaced, current, pinnedSince }: FarmMirror,
  attention: Attention | undefined,
  sync: ReturnType<typeof syncState>,
  nowMs: number,
): HtmlPart {
  if (removedAt !== undefined) return badge('plain', 'removed')
  if (!listed) return badge('plain', 'not listed')
  if (sync !== undefined && current === undefined) return badge('sync', 'first sync', 'sync')
  switch (attention?.code) {
    case 'jobs_fail':
      return badge('lost', 'jobs get errors', 'lostx')
    case 'lost':
      return badge('lost', `${departed.lost.count} lost`, 'lostx')
    case 'defective':
      return badge('risk', `${defects.missing} missing`, 'warn')
    case 'replaced':
      return badge('risk', `${replaced} replaced`, 'swap')
    case 'upstream_down':
      return badge('lost', 'upstream down', 'down')
    case 'at_risk':
      return badge('risk', `${departed.at_risk.count} at risk`, 'warn')
    case 'stale':
      return badge('risk', 'stale', 'warn')
    case 'told_to_wait':
      return badge('risk', 'told to wait', 'warn')
    case 'pinned_long':
      return badge(
        'pin',
        `pinned ${counted(Math.floor((nowMs - (pinnedSince ?? nowMs)) / DAY_MS), 'day')}`,
        'pin',
      )
    default:
      if (sync !== undefined) return badge('sync', sync.isRunning ? 'syncing' : 'waits', 'sync')
      return pinned ? badge('pin', waiting === 0 ? 'pinned' : `pinned, ${waiting} wait`, 'pin') : undefined
  }
}

function checked(
  mirror: FarmMirror,
  sync: ReturnType<typeof syncState>,
  context: DashboardContext,
  nowMs: number,
): HtmlPart {
  if (sync !== undefined) return html`<span class="syncc">${sync.isRunning ? 'running' : sync.text}</span>`
  const again = askedAgainAt(mirror, context, nowMs)
  if (mirror.error !== undefined)
    return html`<span class="lost">failing</span
      >${again !== undefined && html`, again ${time(again, nowMs)}`}`
  return ago(mirror.checkedAt, nowMs)
}

const KEY = html`<div class="key">
  <span
    ><svg viewBox="0 0 26 14" aria-hidden="true"><path class="o" d="M6 12v-8M14 12v-4M20 12v-10" /></svg
    >snapshot, taller = more packages changed</span
  ><span
    ><svg viewBox="0 0 26 14" aria-hidden="true">
      <path class="s" d="M6 8h20" />
      <path class="k" d="M5 8h0" /></svg
    >what jobs get</span
  ><span
    ><svg class="p" viewBox="0 0 26 14" aria-hidden="true">
      <path class="s" d="M6 9h20" />
      <path class="w" d="M14 9v-7M20 9v-5" />
      <path class="k" d="M5 9h0" /></svg
    >pinned, newer ones wait</span
  ><span
    ><svg viewBox="0 0 26 14" aria-hidden="true"><path class="x" d="M2 8h24" /></svg>upstream down</span
  ><span><i class="a"></i>cached</span><span><i class="d"></i>fetched when asked for</span
  ><span><i class="r"></i>at risk</span><span><i class="l"></i>lost</span>
</div>`
