import { formatDuration } from '../../model/duration.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { html } from '../html.ts'
import { Links, readQuery } from '../links.ts'
import { card, copyLine, unit } from '../parts/pieces.ts'
import { bytes, clip, count, counted, time } from '../text.ts'
import { endViewButton } from './writes.ts'

const PAGE_ROWS = 50

/** What jobs hold, and until when. */
export async function viewsPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const nowMs = context.now()
  const { views, farm } = context.snapshots
  const after = request.query.get('after') ?? ''
  const text = readQuery(request.query)
  // A name's beginning is a place in their order.
  const found = await farm.views({ after: after === '' ? beforeName(text) : after, limit: PAGE_ROWS + 1 })
  const matching = found.filter(({ name }) => name.startsWith(text))
  const shown = matching.slice(0, PAGE_ROWS)
  const total = await views.count()
  const sole = await context.soleBytes('views')
  const rows = shown.map(
    (one) =>
      html`<tr>
        <th scope="row" class="nm">
          <a href="${links.to('/views', { q: one.name })}">${clip(one.name)}</a>
        </th>
        <td><a href="${links.generation(one.generation)}">${one.generation}</a></td>
        <td class="hid2 hidp mu m">${clip(context.showClient(one.client))}</td>
        <td class="hid1 hidp mu nw">${time(one.endsAt - one.ttlMs, nowMs)}</td>
        <td class="mu nw">
          <span class="unit">until </span>${time(one.endsAt, nowMs)}<span class="fa"
            >, ${formatDuration(one.ttlMs)} after its last use</span
          >
        </td>
        <td class="n hid2 mu">${count(one.snapshots)}${unit(one.snapshots, 'snapshot')}</td>
        <td class="n mu nw">
          ${bytes(sole && (sole.get(one.name) ?? 0))}<span class="unit"> only it holds</span>
        </td>
        <td class="n">${endViewButton(one.name, context, links)}</td>
      </tr>`,
  )
  const table = html`<table class="gen pkgs">
    <caption class="sr">
      Live views by name
    </caption>
    <thead>
      <tr>
        <th scope="col">View</th>
        <th scope="col">Generation</th>
        <th scope="col" class="hid2">Made by</th>
        <th scope="col" class="hid1">Last renewed</th>
        <th scope="col">Ends</th>
        <th scope="col" class="n hid2">Holds</th>
        <th scope="col" class="n">Only it holds</th>
        <th scope="col"><span class="sr">Change</span></th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`
  const next =
    matching.length > PAGE_ROWS &&
    html`<p class="foot">
      <a href="${links.to('/views', { q: text, after: shown.at(-1)?.name })}">Next ones</a>
    </p>`
  const form = html`<form action="${links.to('/views')}">
    <label class="sr" for="vq">Only views whose name begins with</label
    ><input class="find" id="vq" name="q" type="search" placeholder="Name begins with" value="${text}" />
  </form>`
  const example = shown[0]?.name ?? 'NAME'
  const none = total === 0 ? 'No job holds anything now.' : 'There is none like that.'
  const body = html`<div class="hero">
      <div>
        <h1>${counted(total, 'view')} of at most ${count(views.max)}</h1>
        <p>
          A view is what a job froze under its own name: its snapshots stay for as long. One that nobody opens
          again ends by itself. What only it holds is freed when it has ended.
        </p>
      </div>
      <div class="use">
        <div class="lab"><span>A job ends its own</span></div>
        ${copyLine(`curl -X DELETE ${request.base}/repos/views/${example}/all_latest.json`)}
      </div>
    </div>
    ${card('views', 'Views', rows.length === 0 ? html`<p class="body mu">${none}</p>` : [table, next], { right: form })}`
  return { title: 'Views', place: 'views', body, json: links.api('views'), isPrivate: true }
}

/** What comes just before all names that begin so. */
function beforeName(beginning: string): string {
  const last = beginning.charCodeAt(beginning.length - 1)
  return beginning === '' ? '' : `${beginning.slice(0, -1)}${String.fromCharCode(last - 1)}\uffff`
}
