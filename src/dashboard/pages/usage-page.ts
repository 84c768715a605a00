import { noSuchMirror } from '../../model/no-such-mirror.ts'
import { EXACT_MEMBERS } from '../../model/sketch.ts'
import { isUnused, type ClientUsage } from '../../snapshot/usage/usage.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { html, type HtmlPart } from '../html.ts'
import { Links, readPage, readQuery } from '../links.ts'
import { dataTable } from '../parts/data-table.ts'
import { badge, card, copyLine, crumbs, pager, unit } from '../parts/pieces.ts'
import { ago, bytes, clip, count, counted } from '../text.ts'

const PAGE_ROWS = 100
const MAX_CLIENTS = 200
const MAX_SNAPSHOTS = 50

/** Who uses what; what nobody uses comes first. */
export async function usagePage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const nowMs = context.now()
  const text = readQuery(request.query)
  const page = readPage(request.query)
  // What cannot be stored now is the log's to tell.
  await context.usage.flush().catch(() => undefined)
  const { mirrors, total } = await context.snapshots.farm.use({
    offset: (page - 1) * PAGE_ROWS,
    limit: PAGE_ROWS,
    text,
  })
  const isIdleOne = mirrors.some((one) => isUnused(one.lastSeen, nowMs))
  const sole = isIdleOne ? await context.soleBytes('mirrors') : undefined
  const rows = mirrors.map((one) => {
    const isIdle = isUnused(one.lastSeen, nowMs)
    return html`<tr>
      <th scope="row" class="nm">
        <a href="${links.to(`/usage/${encodeURIComponent(one.mirror)}`)}">${one.mirror}</a>
        ${isIdle && badge('plain', one.lastSeen === undefined ? 'never used' : 'nobody for 14 days')}
      </th>
      <td class="mu nw hid1 hidp">${ago(one.firstSeen, nowMs)}</td>
      <td class="mu nw">${ago(one.lastSeen, nowMs)}</td>
      <td class="n">${count(one.requests)}${unit(one.requests, 'request')}</td>
      <td class="n hid2 mu">${bytes(one.bytes)}</td>
      <td class="n">${hosts(one.clients)}${unit(one.clients, 'host')}</td>
      <td class="n mu nw">
        ${isIdle && html`${bytes(sole && (sole.get(one.mirror) ?? 0))}<span class="unit"> only it holds</span>`}
      </td>
      <td class="hid1 mu">${one.agents.join(', ')}</td>
    </tr>`
  })
  const table = dataTable({
    kind: 'gen pkgs',
    caption: 'Mirrors by their use, unused ones first',
    columns: [
      'Mirror',
      ['First used', 'hid1 hidp'],
      'Last used',
      ['Requests', 'n'],
      ['Sent', 'n hid2'],
      ['Hosts', 'n'],
      ['Only it holds', 'n'],
      ['By', 'hid1'],
    ],
    rows,
  })
  const pages = Math.max(1, Math.ceil(total / PAGE_ROWS))
  const form = html`<form action="${links.to('/usage')}">
    <label class="sr" for="uq">Only mirrors whose name has</label
    ><input class="find" id="uq" name="q" type="search" placeholder="Filter by name" value="${text}" />
  </form>`
  const body = html`<div class="hero">
      <div>
        <h1>Who uses what</h1>
        <p>
          What nobody has used for longest comes first. <code>pinyon remove</code> takes a mirror out of the
          configuration, and refuses while jobs use it; what only it holds is freed once its snapshots have
          gone.
        </p>
      </div>
    </div>
    ${card('usage', 'Mirrors', total === 0 ? html`<p class="body mu">There is none like that.</p>` : [table, pager(pages, page, (one) => links.to('/usage', { q: text, page: one }))], { note: count(total), right: form })}`
  return { title: 'Usage', place: 'usage', body, json: links.api('usage') }
}

/** Exact for few, an estimate for many. */
function hosts(clients: number): string {
  return `${clients > EXACT_MEMBERS ? '~' : ''}${count(clients)}`
}

/** How many they are, with the noun. */
export function hostsInWords(clients: number): string {
  return `${hosts(clients)} ${clients === 1 ? 'host' : 'hosts'}`
}

/** Who uses one mirror, and which of its snapshots. */
export async function mirrorUsagePage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const nowMs = context.now()
  const mirror = request.path[1] ?? ''
  await context.usage.flush().catch(() => undefined)
  const details = await context.usage.reader.ofMirror(mirror)
  if (details === undefined) {
    const known = await context.usage.reader.ofMirrors()
    throw noSuchMirror(
      mirror,
      known.map((one) => one.mirror),
    )
  }
  const { usage, snapshots, clients } = details
  const rows = snapshots.slice(0, MAX_SNAPSHOTS).map(
    (one) =>
      html`<tr>
        <th scope="row" class="nm">
          ${one.retired ? html`<span class="m">${one.snapshot}</span> ${badge('plain', 'retired')}` : html`<a class="m" href="${links.snapshot(mirror, one.snapshot)}">${one.snapshot}</a>`}
        </th>
        <td class="mu nw hid1 hidp">${ago(one.firstSeen, nowMs)}</td>
        <td class="mu nw">${ago(one.lastSeen, nowMs)}</td>
        <td class="n">${count(one.requests)}${unit(one.requests, 'request')}</td>
        <td class="n hid2 mu">${bytes(one.bytes)}</td>
        <td class="n">${hosts(one.clients)}${unit(one.clients, 'host')}</td>
      </tr>`,
  )
  const shown = mergeClients(clients, context.showClient)
  const people = shown.slice(0, MAX_CLIENTS).map(
    (one) =>
      html`<tr>
        <th scope="row" class="m">${clip(one.client)}</th>
        <td class="mu">${one.agent}</td>
        <td class="n mu">${count(one.hosts)}${unit(one.hosts, 'host')}</td>
        <td class="n">${count(one.requests)}${unit(one.requests, 'request')}</td>
        <td class="n hid2 mu">${bytes(one.bytes)}</td>
        <td class="mu nw hid1 hidp">${ago(one.firstSeen, nowMs)}</td>
        <td class="mu nw">${ago(one.lastSeen, nowMs)}</td>
      </tr>`,
  )
  const summary =
    usage === undefined
      ? 'Nobody has used it yet.'
      : html`${counted(usage.requests, 'request')} of ${hostsInWords(usage.clients)}, ${bytes(usage.bytes)},
        the first ${ago(usage.firstSeen, nowMs)}, the last ${ago(usage.lastSeen, nowMs)}.`
  const isIdle = isUnused(usage?.lastSeen, nowMs)
  const sole = isIdle ? await context.soleBytes('mirrors') : undefined
  const removal: HtmlPart =
    isIdle &&
    html`<div class="use">
      <div class="lab"><span>Nobody for 14 days: whether it can go</span></div>
      ${copyLine(`pinyon remove ${mirror} --dry-run`)}
      <p>Only it holds ${bytes(sole && (sole.get(mirror) ?? 0))}: freed once its snapshots have gone.</p>
    </div>`
  const body = html`${crumbs([['Usage', links.to('/usage')], mirror])}
    <div class="hero">
      <div>
        <h1>Who uses ${mirror}</h1>
        <p>${summary} <a href="${links.mirror(mirror)}">The mirror</a></p>
      </div>
      ${removal}
    </div>
    ${card(
      'clients',
      'Hosts',
      people.length === 0
        ? html`<p class="body mu">None is remembered.</p>`
        : dataTable({
            kind: 'gen pkgs',
            caption: 'Hosts, those seen last first',
            columns: [
              'Address',
              'By',
              ['Hosts', 'n'],
              ['Requests', 'n'],
              ['Sent', 'n hid2'],
              ['First seen', 'hid1 hidp'],
              'Last seen',
            ],
            rows: people,
          }),
      { note: 'addresses as dashboard.clients says' },
    )}
    ${card(
      'bysnapshot',
      'Snapshots',
      rows.length === 0
        ? html`<p class="body mu">None was used.</p>`
        : dataTable({
            kind: 'gen pkgs',
            caption: 'Snapshots by their use',
            columns: [
              'Snapshot',
              ['First used', 'hid1 hidp'],
              'Last used',
              ['Requests', 'n'],
              ['Sent', 'n hid2'],
              ['Hosts', 'n'],
            ],
            rows,
          }),
    )}`
  return {
    title: `Usage of ${mirror}`,
    place: 'usage',
    body,
    json: links.api(`usage/${encodeURIComponent(mirror)}`),
    isPrivate: true,
  }
}

interface ShownClient {
  readonly client: string
  readonly agent: string
  readonly hosts: number
  readonly requests: number
  readonly bytes: number
  readonly firstSeen: number
  readonly lastSeen: number
}

/** Clients as they may be shown, those that then look alike as one, seen last first. */
function mergeClients(
  clients: readonly ClientUsage[],
  showClient: DashboardContext['showClient'],
): readonly ShownClient[] {
  const merged = new Map<string, ShownClient>()
  for (const one of clients) {
    const client = showClient(one.client)
    const key = `${client} ${one.agent}`
    const before = merged.get(key)
    merged.set(key, {
      client,
      agent: one.agent,
      hosts: (before?.hosts ?? 0) + 1,
      requests: (before?.requests ?? 0) + one.requests,
      bytes: (before?.bytes ?? 0) + one.bytes,
      firstSeen: Math.min(before?.firstSeen ?? one.firstSeen, one.firstSeen),
      lastSeen: Math.max(before?.lastSeen ?? 0, one.lastSeen),
    })
  }
  return [...merged.values()]
}
