import { formatNevra } from '../../model/nevra.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { html, type HtmlPart } from '../html.ts'
import { Links, readQuery } from '../links.ts'
import { card } from '../parts/pieces.ts'
import { bytes, clip, count } from '../text.ts'

const MAX_MIRRORS = 50
const MAX_PACKAGES = 100
/** For how long packages are looked for before somebody has to say that it may go on, in milliseconds. */
const BUDGET_MS = 100

/** Mirrors whose name has what was searched for, and packages of that name in what jobs get. */
export async function searchPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const text = readQuery(request.query)
  const after = Number(/^\d{1,15}$/.exec(request.query.get('after') ?? '')?.[0] ?? 0)
  if (text === '') {
    const body = html`<div class="hero">
      <div>
        <h1>Find a mirror or a package</h1>
        <p>The field above finds mirrors by a part of their name, and packages by their whole name.</p>
      </div>
    </div>`
    return { title: 'Search', place: undefined, body, isFixed: true }
  }
  const mirrors = await context.snapshots.farm.mirrors(context.now())
  const named = mirrors.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
  const items = named.slice(0, MAX_MIRRORS).map(
    ({ name, current }) =>
      html`<tr>
        <th scope="row" class="nm"><a href="${links.mirror(name)}">${name}</a></th>
        <td class="mu m">${current?.name ?? 'no snapshot yet'}</td>
      </tr>`,
  )
  const { hits, next } = await context.snapshots.farm.find(text, {
    after,
    limit: MAX_PACKAGES,
    budgetMs: BUDGET_MS,
  })
  // Several architectures may have the very same package.
  const each = new Map(hits.map((hit) => [`${hit.mirror} ${formatNevra(hit)} ${hit.digest}`, hit]))
  const rows = [...each.values()].map(
    (hit) =>
      html`<tr>
        <th scope="row" class="nm">
          <a href="${links.package(hit.mirror, hit.name)}">${clip(formatNevra(hit))}</a>
        </th>
        <td><a href="${links.mirror(hit.mirror)}">${hit.mirror}</a></td>
        <td class="n mu">${bytes(hit.size)}</td>
      </tr>`,
  )
  const more: HtmlPart =
    next !== undefined &&
    html`<p class="foot">
      <a href="${links.to('/search', { q: text, after: next })}">Look through the rest</a>
    </p>`
  const none =
    next === undefined ? 'No mirror’s current snapshot has a package of this name.' : 'None so far.'
  const table = html`<table class="gen pkgs">
    <caption class="sr">
      Packages of this name
    </caption>
    <tbody>
      ${rows}
    </tbody>
  </table>`
  const body = html`<div class="hero">
      <div>
        <h1>Search for “${text}”</h1>
        <p>Parts of a package’s name, version or file name are found on the page of a snapshot.</p>
      </div>
    </div>
    ${card(
      'found',
      'Mirrors',
      items.length === 0
        ? html`<p class="body mu">No mirror has it in its name.</p>`
        : html`<table class="gen pkgs">
            <caption class="sr">
              Mirrors
            </caption>
            <tbody>
              ${items}
            </tbody>
          </table>`,
      { note: count(named.length), isLive: false },
    )}
    ${card('packages', 'Packages that jobs get', rows.length === 0 ? [html`<p class="body mu">${none}</p>`, more] : [table, more], { isLive: false })}`
  return { title: `Search for ${text}`, place: undefined, body, isFixed: true }
}
