import type { ChangeCounts } from '../../snapshot/farm/farm.ts'
import type { Generation } from '../../snapshot/store.ts'
import type { DashboardContext } from '../context.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import type { Links } from '../links.ts'
import { dataTable } from '../parts/data-table.ts'
import { card, copyLine } from '../parts/pieces.ts'
import { clip, count, time } from '../text.ts'

/** As many as are seen beside the traffic. */
const LATEST = 6
/** Mirrors of one generation that are named. */
const MAX_NAMED = 3

/** What changed for jobs lately. */
export async function latestChanges(context: DashboardContext, links: Links, nowMs: number): Promise<Html> {
  const generations = await context.snapshots.history.generations({ limit: LATEST })
  const changes = await changesOfGenerations(generations, context)
  const rows = generations.map((one) => generationRow(one, changes, links, nowMs))
  const before = (generations[0]?.number ?? 0) - 1
  const table = dataTable({
    kind: 'gen',
    caption: 'The latest generations of the index',
    columns: ['Generation', 'Time', 'Mirrors', 'Packages', 'Why'],
    isHeadHidden: true,
    rows,
  })
  const foot =
    before > 0 &&
    html`<div class="foot">
      <span>Whole farm back to ${before}:</span
      >${copyLine(`pinyon rollback --generation ${before} --dry-run`)}
    </div>`
  const body =
    generations.length === 0 ? html`<p class="body mu">Nothing was published yet.</p>` : [table, foot]
  return card('changes', 'What changed for jobs', body, {
    right: html`<a href="${links.to('/generations')}">All generations</a>`,
  })
}

/** By how much the snapshots that generations brought differ from those before them. */
export async function changesOfGenerations(
  generations: readonly Generation[],
  context: DashboardContext,
): Promise<ReadonlyMap<string, ChangeCounts>> {
  const named = generations.flatMap(({ changes }) =>
    changes.slice(0, MAX_NAMED).flatMap(({ mirror, to }) => (to === undefined ? [] : [{ mirror, name: to }])),
  )
  return await context.snapshots.farm.changesOf(named)
}

/** One generation in a line. */
export function generationRow(
  { number, createdAt, changes, cause, actor, why }: Generation,
  counts: ReadonlyMap<string, ChangeCounts>,
  links: Links,
  nowMs: number,
  { hasActor = false } = {},
): Html {
  const named = changes.slice(0, MAX_NAMED)
  const mirrors = named.map(({ mirror }, at) => [
    at > 0 && ', ',
    html`<a href="${links.mirror(mirror)}">${mirror}</a>`,
  ])
  const more = changes.length - named.length
  const [only] = changes.length === 1 ? named : []
  return html`<tr>
    <td class="nm"><a href="${links.generation(number)}">${number}</a></td>
    <td class="mu nw">${time(createdAt, nowMs)}</td>
    <td>${mirrors}${more > 0 && ` and ${count(more)} more`}</td>
    <td class="mu">${only !== undefined && describeChange(only, cause, counts)}</td>
    <td class="mu">
      <span class="nw">${cause}${hasActor && actor !== '' && html`<span class="fa">, ${actor}</span>`}</span
      >${why !== undefined && html` “${clip(why)}”`}
    </td>
  </tr>`
}

function describeChange(
  { mirror, from, to }: Generation['changes'][number],
  cause: string,
  counts: ReadonlyMap<string, ChangeCounts>,
): HtmlPart {
  if (to === undefined) return 'out of the index'
  const found = cause === 'sync' ? counts.get(`${mirror} ${to}`) : undefined
  if (found !== undefined) return changesInWords(found)
  return from === undefined ? 'into the index' : `to ${to}`
}

/** `3 added, 5 upgraded`; what is 0 is left out. */
export function changesInWords({ added, removed, upgraded, downgraded, replaced }: ChangeCounts): string {
  const parts = [
    [replaced, 'replaced in place'],
    [downgraded, 'downgraded'],
    [removed, 'removed'],
    [upgraded, 'upgraded'],
    [added, 'added'],
  ] as const
  const shown = parts.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`)
  return shown.length === 0 ? 'metadata only' : shown.join(', ')
}

/** The same as figures with signs. */
export function changeFigures(changes: ChangeCounts | undefined): HtmlPart {
  if (changes === undefined) return html`<span class="fa">–</span>`
  const { added, removed, upgraded, downgraded, replaced } = changes
  const parts = [
    ['⇄', replaced, 'replaced'],
    ['↓', downgraded, 'downgraded'],
    ['−', removed, 'removed'],
    ['↑', upgraded, 'upgraded'],
    ['+', added, 'added'],
  ] as const
  const shown = parts.filter(([, number]) => number > 0)
  if (shown.length === 0) return html`<span class="mu">metadata only</span>`
  return html`<span class="chg"
    >${shown.map(([sign, number, what]) => html`<span><b>${sign}${count(number)}</b> ${what}</span>`)}</span
  >`
}
