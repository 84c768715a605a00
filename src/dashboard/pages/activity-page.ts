import type { CheckOutcome } from '../../snapshot/farm/farm.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { readFarm } from '../farm-state.ts'
import { html } from '../html.ts'
import { Links } from '../links.ts'
import { dataTable } from '../parts/data-table.ts'
import { card } from '../parts/pieces.ts'
import { clip, time } from '../text.ts'
import { attentionList } from './attention-list.ts'
import { checkFacts, checkInWords } from './mirror-logs.ts'

const PAGE_ROWS = 50

const RESULTS: readonly (readonly [CheckOutcome | undefined, string])[] = [
  [undefined, 'All'],
  ['failed', 'Failed'],
  ['published', 'New snapshot'],
  ['unchanged', 'Unchanged'],
]

/** Looks upstream and what they came to, and what is wrong now. */
export async function activityPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const { query } = request
  const mirror = query.get('mirror') ?? ''
  const outcome = RESULTS.find(([key]) => key === query.get('result'))?.[0]
  const before = /^\d{1,15}$/.test(query.get('before') ?? '') ? Number(query.get('before')) : undefined
  const state = await readFarm(context)
  const { nowMs } = state
  const found = await context.snapshots.farm.checks({
    limit: PAGE_ROWS + 1,
    ...(mirror === '' ? {} : { mirror }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(before === undefined ? {} : { before }),
  })
  const shown = found.slice(0, PAGE_ROWS)
  const rows = shown.map(
    (check) =>
      html`<tr>
        <td class="mu nw">${time(check.lastAt, nowMs)}</td>
        <td><a href="${links.mirror(check.mirror)}">${check.mirror}</a></td>
        <td>${checkInWords(check, links)}</td>
        <td class="mu nw">${checkFacts(check)}</td>
      </tr>`,
  )
  const link = (result: string | undefined, more = {}) => links.to('/activity', { mirror, result, ...more })
  const chips = RESULTS.map(
    ([key, name]) =>
      html`<a class="chip" href="${link(key)}" ${key === outcome && html` aria-current="true"`}>${name}</a>`,
  )
  const next =
    found.length > PAGE_ROWS &&
    html`<p class="foot"><a href="${link(outcome, { before: shown.at(-1)?.lastAt })}">Earlier ones</a></p>`
  const table = dataTable({
    kind: 'gen log',
    caption: 'Checks of upstream, the last ones first',
    columns: ['Time', 'Mirror', 'Result', 'Cost'],
    isHeadHidden: true,
    rows,
  })
  const needs = state.attention.filter(
    (one) => mirror === '' || one.mirror === mirror || one.mirror === undefined,
  )
  const body = html`<div class="hero">
      <div>
        <h1>Checks and failures${mirror !== '' && html` of ${clip(mirror)}`}</h1>
        <p>
          Each look upstream of the last 14 days; those in a row that came to the same are one line. Changes
          that people made are in <a href="${links.to('/generations')}">Changes</a>, with their name.
        </p>
      </div>
    </div>
    ${attentionList(needs, state, context, links)}
    ${card('log', 'Checks of upstream', shown.length === 0 ? html`<p class="body mu">There is none like that.</p>` : [table, next], { right: html`<span class="tools">${chips}</span>` })}`
  return {
    title: 'Checks and failures',
    place: undefined,
    body,
    json: links.to('/api/v1/checks', { mirror, result: outcome }),
  }
}
