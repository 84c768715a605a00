import type { CurrentSpan, SnapshotFetch } from '../../snapshot/farm/farm.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import type { DashboardContext } from '../context.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import type { Links } from '../links.ts'
import { dataTable } from '../parts/data-table.ts'
import { badge, card } from '../parts/pieces.ts'
import { bytes, clip, counted, shownUrl, span, time } from '../text.ts'

/** Spans of generations that are shown, the last ones. */
const SPANS = 20

interface Parts {
  readonly snapshot: Snapshot
  readonly context: DashboardContext
  readonly links: Links
  readonly nowMs: number
}

/** From which upstream it came, how long that took, and whether that moved meanwhile. */
export async function provenanceRows({
  snapshot,
  context,
}: Parts): Promise<readonly (readonly [string, HtmlPart])[]> {
  const fetches = await context.snapshots.farm.fetches(snapshot.id)
  if (fetches.length === 0)
    return [['Fetched from', 'Not noted: it was adopted, or made by an earlier version.']]
  return fetches.flatMap((one) => {
    const of = one.arch === undefined ? '' : ` of ${one.arch}`
    return [
      [
        `Fetched from${of}`,
        html`<span class="m">${clip(shownUrl(one.baseurl))}</span>${one.listed && ', which its list names'}`,
      ],
      [`Fetched in${of}`, fetchInWords(one)],
    ] as const
  })
}

function fetchInWords({ durationMs, bytes: fetched, moved }: SnapshotFetch): string {
  const anew =
    moved === 0
      ? 'repomd.xml stayed the same meanwhile'
      : `repomd.xml was another one afterwards ${counted(moved, 'time')}, and was fetched anew`
  return `${span(durationMs)}, ${bytes(fetched)}; ${anew}`
}

/** Which generations of the index it was current in. */
export async function seenInCard({ snapshot, context, links, nowMs }: Parts): Promise<Html> {
  const spans = await context.snapshots.farm.spans(snapshot, SPANS + 1)
  const rows = spans.slice(0, SPANS).map((one) => spanRow(one, links, nowMs))
  const table = dataTable({
    kind: 'gen log',
    caption: 'Generations that saw it, the last ones first',
    columns: ['Generations', 'From', 'Until'],
    isHeadHidden: true,
    rows,
  })
  const more = spans.length > SPANS && html`<p class="foot">The last ${SPANS}; the JSON has more.</p>`
  const none = html`<p class="body mu">None: jobs never got it by the index.</p>`
  return card('seen', 'Generations that saw it', rows.length === 0 ? none : [table, more])
}

function spanRow({ first, since, last, until }: CurrentSpan, links: Links, nowMs: number): Html {
  const link = (number: number) => html`<a href="${links.generation(number)}">${number}</a>`
  const end = last === undefined ? html` to now` : last > first && html` to ${link(last)}`
  return html`<tr>
    <td class="nw"><p>${link(first)}${end}</p></td>
    <td class="mu nw">from ${time(since, nowMs)}</td>
    <td class="mu nw">
      ${last === undefined ? badge('cur', 'current') : until !== undefined && html`until ${time(until, nowMs)}, for ${span(until - since)}`}
    </td>
  </tr>`
}
