import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { findMirror } from '../find-mirror.ts'
import { html } from '../html.ts'
import { Links, readPage } from '../links.ts'
import { crumbs } from '../parts/pieces.ts'
import { snapshotsCard } from './snapshots-card.ts'

/** All snapshots of a mirror that are kept. */
export async function snapshotsPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const mirror = await findMirror(context, request.path[1])
  const settings = context.settingsOf(mirror.name)
  const parts = { mirror, settings, context, links, nowMs: context.now() }
  const body = html`${crumbs([['Mirrors', links.to('/')], [mirror.name, links.mirror(mirror.name)], 'snapshots'])}
    <div class="mhead"><h1>Snapshots of ${mirror.name}</h1></div>
    ${await snapshotsCard(parts, readPage(request.query))}`
  const json = links.api(`mirrors/${encodeURIComponent(mirror.name)}/snapshots`)
  return { title: `Snapshots of ${mirror.name}`, place: 'mirrors', body, json }
}
