import { placeOf } from '../../model/snapshot-path.ts'
import { formatEvr } from '../../model/nevra.ts'
import { byArrival, findState, listingOf } from '../../proxy/api-packages.ts'
import type { PackageSpan } from '../../snapshot/farm/farm.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { findMirror } from '../find-mirror.ts'
import { html, type Html } from '../html.ts'
import { Links, readQuery } from '../links.ts'
import { archNote } from '../parts/arch-note.ts'
import { dataTable } from '../parts/data-table.ts'
import { sourceBodies } from '../parts/source-bodies.ts'
import { badge, crumbs, unit } from '../parts/pieces.ts'
import { bytes, clip, count } from '../text.ts'

const MAX_ROWS = 200

type State = Awaited<ReturnType<typeof findState>>

const SHOWN_STATES: Readonly<Record<State, Html>> = {
  cached: badge('cur', 'cached'),
  on_demand: html`<span class="mu">when asked for</span>`,
  at_risk: badge('risk', 'at risk', 'warn'),
  lost: badge('lost', 'lost', 'lostx'),
}

/** In which snapshots a package is, in which versions, and whether each is cached; or the packages whose name has something in it. */
export async function packagePage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const mirror = await findMirror(context, request.path[1])
  const name = request.path[3]
  const text = readQuery(request.query)
  const query = name === undefined ? { text } : { name }
  const isAsked = name !== undefined || text !== ''
  const { packages, isComplete } = isAsked
    ? await context.snapshots.farm.packages(mirror.id, { ...query, limit: MAX_ROWS })
    : { packages: [], isComplete: true }
  const snapshots = (await context.snapshots.snapshots(mirror.name)).toReversed()
  const sorted = packages.toSorted(byArrival)
  const listings = new Map(sorted.map((one) => [one, listingOf(one, snapshots)]))
  const states = new Map<PackageSpan, State>()
  for (const [one, listing] of listings) states.set(one, await findState(context, one, listing.at(-1)))
  const columns = [
    'Package',
    'Came with',
    'Last in',
    ['Snapshots', 'n hid2'],
    ['Size', 'n hid1'],
    ['State', 'hid2'],
  ] as const
  const toRow = (one: PackageSpan) =>
    row(one, listings.get(one) ?? [], {
      mirror: mirror.name,
      links,
      isNamed: name !== undefined,
      state: states.get(one),
    })
  // Those of one name are its versions, which are of a source package each.
  const rows =
    name === undefined ? { bodies: sourceBodies(sorted, columns.length, toRow) } : { rows: sorted.map(toRow) }
  const shown = name === undefined ? `Packages of ${mirror.name}` : clip(name)
  const none = isAsked ? 'No snapshot that is kept lists it.' : 'Search by name, version or file name.'
  const list = dataTable({
    kind: 'gen pkgs',
    caption: 'Versions, and the snapshots that list them',
    columns,
    ...rows,
  })
  const body = html`${crumbs([['Mirrors', links.to('/')], [mirror.name, links.mirror(mirror.name)], 'packages'])}
    <div class="mhead"><h1>${shown}</h1></div>
    <section class="card" aria-labelledby="h-p">
      <header>
        <h2 id="h-p">
          ${name === undefined ? (text === '' ? 'Search' : html`With “${text}”`) : 'In snapshots'}
        </h2>
        <span class="mu">${count(packages.length)}${!isComplete && ' and more'}</span>
        <form class="r" action="${links.mirror(mirror.name)}/packages">
          <label class="sr" for="pk">Find a package in all snapshots</label
          ><input
            class="find"
            id="pk"
            name="q"
            type="search"
            placeholder="Which snapshots have …"
            value="${text}"
          />
        </form>
      </header>
      ${packages.length === 0 ? html`<p class="body mu">${none}</p>` : list}
    </section>`
  const api = `mirrors/${encodeURIComponent(mirror.name)}/packages`
  const json =
    name === undefined ? `${api}?q=${encodeURIComponent(text)}` : `${api}/${encodeURIComponent(name)}`
  // Of a name that is listed nowhere the API has nothing.
  const hasJson = isAsked && (name === undefined || packages.length > 0)
  return {
    title: shown,
    place: 'mirrors',
    body,
    isFixed: true,
    ...(hasJson ? { json: links.api(json) } : {}),
  }
}

interface RowOptions {
  readonly mirror: string
  readonly links: Links
  readonly isNamed: boolean
  readonly state: State | undefined
}

function row(
  one: PackageSpan,
  listing: readonly Snapshot[],
  { mirror, links, isNamed, state }: RowOptions,
): Html {
  const link = (snapshot: Snapshot | undefined) =>
    snapshot === undefined
      ? html`<span class="fa">one that is gone</span>`
      : html`<a class="m" href="${links.snapshot(mirror, snapshot.name)}">${snapshot.name}</a>`
  const evr = `${formatEvr(one)}.${one.arch}`
  const [first, last] = [listing[0], listing.at(-1)]
  const place = archNote(one, last?.arches)
  const title = isNamed
    ? html`<span class="m">${clip(evr)}</span> ${place}`
    : html`<a href="${links.package(mirror, one.name)}">${clip(one.name)}</a>
        <span class="m mu">${clip(evr)}</span> ${place}`
  const file =
    last !== undefined &&
    html` <a
      class="fa"
      href="${links.file(mirror, last.name, placeOf(one.href, last))}"
      aria-label="${`Download ${clip(one.href)}`}"
      >rpm</a
    >`
  return html`<tr>
    <th scope="row" class="nm">${title}${file}</th>
    <td>${link(first?.seq === one.firstSeq ? first : undefined)}</td>
    <td>${one.lastSeq === undefined ? html`<span class="mu">the newest</span>` : link(last)}</td>
    <td class="n hid2 mu">${count(listing.length)}${unit(listing.length, 'snapshot')}</td>
    <td class="n hid1 mu">${bytes(one.size)}</td>
    <td class="hid2">${state !== undefined && SHOWN_STATES[state]}</td>
  </tr>`
}
