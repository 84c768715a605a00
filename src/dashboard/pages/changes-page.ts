import { PinyonError } from '../../model/errors.ts'
import { parseInstant } from '../../model/instant.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { html, type HtmlPart } from '../html.ts'
import { Links } from '../links.ts'
import { dataTable } from '../parts/data-table.ts'
import { card } from '../parts/pieces.ts'
import { clip, moment } from '../text.ts'
import { foldedRows } from './folded-generations.ts'
import { changesOfGenerations } from './latest-changes.ts'

const PAGE_ROWS = 50

/** What changed for jobs, when, why and by whom. */
export async function changesPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const { query } = request
  const nowMs = context.now()
  const mirror = query.get('mirror') ?? undefined
  const before = readNumber(query.get('before'))
  const { history } = context.snapshots
  const wanted = {
    limit: PAGE_ROWS + 1,
    ...(mirror ? { mirror } : {}),
    ...(before === undefined ? {} : { before }),
  }
  const found = await history.generations(wanted)
  const shown = found.slice(0, PAGE_ROWS)
  const counts = await changesOfGenerations(shown, context)
  const rows = foldedRows(shown, counts, links, nowMs)
  const next =
    found.length > PAGE_ROWS &&
    html`<p class="foot">
      <a href="${links.to('/generations', { mirror, before: shown.at(-1)?.number })}">Earlier ones</a>
    </p>`
  const table = dataTable({
    kind: 'gen',
    caption: 'Generations of the index, the newest first',
    columns: ['Generation', 'Time', 'Mirrors', 'Packages', 'Why, by whom'],
    rows,
  })
  const body = html`<div class="hero">
      <div>
        <h1>What changed for jobs</h1>
        <p>
          Each change of what jobs get is a generation of the index. A job that kept its number can be given
          the same again.
        </p>
      </div>
      <div class="use">${await lookUp(context, query, links, nowMs)}</div>
    </div>
    ${card('list', mirror === undefined || mirror === '' ? 'Generations' : html`Generations of ${clip(mirror)}`, shown.length === 0 ? html`<p class="body mu">There is none like that.</p>` : [table, next])}`
  return { title: 'Changes', place: 'changes', body, json: links.api('generations') }
}

/** From a job's start to what it saw. */
async function lookUp(
  context: DashboardContext,
  query: URLSearchParams,
  links: Links,
  nowMs: number,
): Promise<HtmlPart> {
  const asked = (query.get('at') ?? '').trim()
  const form = html`<form action="${links.to('/generations')}">
    <label class="lab" for="at"><span>When did your job start? (UTC)</span></label>
    <div class="line">
      <input class="find" id="at" name="at" placeholder="2026-03-12T18:00Z" value="${asked}" /><button
        class="copy show"
      >
        Find
      </button>
    </div>
  </form>`
  if (asked === '') return form
  // What a field of a form gives, without seconds and zone.
  const atMs =
    parseInstant(/Z$|[+-]\d\d:?\d\d$/i.test(asked) ? asked : `${asked}Z`) ??
    parseInstant(asked.replace(/Z?$/, ':00Z'))
  if (atMs === undefined) return [form, html`<p class="lost">That is no time such as 2026-03-12T18:00Z.</p>`]
  const number = await context.snapshots.history.generationAt(atMs)
  if (number === undefined) return [form, html`<p>Nothing had been published at ${moment(atMs, nowMs)}.</p>`]
  return [
    form,
    html`<p>
      At ${moment(atMs, nowMs)} jobs saw <a href="${links.generation(number)}">generation ${number}</a>.
    </p>`,
  ]
}

function readNumber(text: string | null): number | undefined {
  if (text === null || text === '') return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new PinyonError(
    'PATH_REFUSED',
    `expected a generation's number, found: ${JSON.stringify(text.slice(0, 80))}`,
  )
}
