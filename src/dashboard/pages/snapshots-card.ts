import type { ListedSnapshot } from '../../snapshot/farm/farm.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { badge, completenessBar, pager } from '../parts/pieces.ts'
import { ago, count } from '../text.ts'
import { changeFigures } from './latest-changes.ts'
import type { MirrorParts } from './mirror-parts.ts'

/** On the mirror's own page, and on the page of all of them. */
const NEWEST = 10
const PAGE_ROWS = 50

/** A mirror's snapshots, and a form that compares two of them. */
export async function snapshotsCard(parts: MirrorParts, page?: number): Promise<Html> {
  const { mirror, context, links, nowMs } = parts
  const all = await context.snapshots.farm.snapshots(mirror, context.retention(), nowMs)
  const departed = await context.snapshots.departed.countsBySnapshot(mirror.name)
  const { name, current } = mirror
  const first = page === undefined ? 0 : (page - 1) * PAGE_ROWS
  const shown = all.slice(first, page === undefined ? NEWEST : first + PAGE_ROWS)
  // What jobs get is in the list, however old it is.
  const isMissing = page === undefined && current !== undefined && !shown.some(({ id }) => id === current.id)
  const more = isMissing ? all.filter(({ id }) => id === current.id) : []
  const [newest] = all
  const from = current?.id === newest?.id ? all[1]?.name : current?.name
  const rows = [...shown, ...more].map((one) =>
    row(one, {
      parts,
      from,
      to: newest?.name,
      lost: departed.get(one.name)?.lost.count ?? 0,
      atRisk: departed.get(one.name)?.at_risk.count ?? 0,
    }),
  )
  const rest = all.length - shown.length - more.length
  const search = html`<form id="pkf" class="r" action="${links.mirror(name)}/packages">
    <label class="sr" for="pk">Find a package in all snapshots</label
    ><input class="find" id="pk" name="q" type="search" placeholder="Which snapshots have …" />
  </form>`
  const isComparable = all.length > 1
  const table = html`<form action="${links.mirror(name)}/diff">
    <table class="sn${!isComparable && ' alone'}">
      <caption class="sr">
        Snapshots of ${name}, the newest first
      </caption>
      <thead>
        <tr>
          <th class="ab" scope="col">From&nbsp;/&nbsp;To</th>
          <th scope="col">Snapshot</th>
          <th scope="col">Changed since the one before</th>
          <th class="hid1" scope="col">Cached</th>
          <th class="hid2" scope="col">Kept because</th>
          <th class="n hid2" scope="col">Requests</th>
          <th class="n hid1" scope="col">Last used</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
    ${isComparable && html`<div class="foot"><button class="btn">Compare the two</button>${from !== undefined && newest !== undefined && html`<span>or</span><code>pinyon diff ${name} ${from} ${newest.name}</code>`}${page === undefined && rest > 0 && html`<span class="right"><a href="${links.mirror(name)}/snapshots">${count(rest)} older snapshots</a></span>`}</div>`}
  </form>`
  const pages = Math.ceil(all.length / PAGE_ROWS)
  const body = all.length === 0 ? html`<p class="body mu">There is none yet.</p>` : table
  return html`<section class="card" id="snapshots" data-live aria-labelledby="h-n">
    <header>
      <h2 id="h-n">Snapshots</h2>
      <span class="mu">${count(all.length)} kept</span>${all.length > 0 && search}
    </header>
    ${body}${page !== undefined && pager(pages, page, (one) => `${links.mirror(name)}/snapshots?page=${one}`)}
  </section>`
}

interface RowFacts {
  readonly parts: MirrorParts
  readonly from: string | undefined
  readonly to: string | undefined
  readonly lost: number
  readonly atRisk: number
}

function row(snapshot: ListedSnapshot, { parts, from, to, lost, atRisk }: RowFacts): Html {
  const { mirror, links, nowMs } = parts
  const { name, packages: total, cached = 0, kept, requests, lastUsed, changes } = snapshot
  const isCurrent = snapshot.id === mirror.current?.id
  const radio = (field: string, chosen: string | undefined) =>
    html`<label
      ><span class="sr">${field} ${name}</span
      ><input type="radio" name="${field}" value="${name}" ${name === chosen && html` checked`}
    /></label>`
  return html`<tr${isCurrent && html` class="cur${mirror.pinned && ' pinned'}"`}><td class="ab">${radio('from', from)}${radio('to', to)}</td><th scope="row" class="nm"><a class="m" href="${links.snapshot(mirror.name, name)}">${name}</a> ${badgeOf(snapshot, parts, isCurrent)}</th><td class="wrapm">${changeFigures(changes)}</td><td class="hidem hid1 barc">${completenessBar({ cached, atRisk, lost, total })}</td><td class="hidem hid2 mu kept">${kept.join(', ')}</td><td class="n hidem hid2">${count(requests)}</td><td class="n hidem hid1 mu">${ago(lastUsed, nowMs)}</td></tr>
`
}

function badgeOf({ name }: ListedSnapshot, { mirror }: MirrorParts, isCurrent: boolean): HtmlPart {
  if (isCurrent)
    return mirror.pinned
      ? badge('pin', 'current, pinned', 'pin')
      : badge('cur', name === mirror.newest ? 'current, newest' : 'current')
  return name === mirror.newest ? badge('plain', 'newest') : undefined
}
