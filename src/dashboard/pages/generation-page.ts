import { indexOfGeneration } from '../../proxy/past.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { html } from '../html.ts'
import { Links, readPage, readQuery } from '../links.ts'
import { dataTable } from '../parts/data-table.ts'
import { badge, card, copyLine, crumbs, pager } from '../parts/pieces.ts'
import { count, counted, time } from '../text.ts'
import { generationRow } from './latest-changes.ts'

const PAGE_ROWS = 100

/** The whole index as it was at a generation, and how to go back there. */
export async function generationPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const { history } = context.snapshots
  const nowMs = context.now()
  const index = await indexOfGeneration(history, request.path[1] ?? '')
  const { generation, createdAt } = index
  const now = await context.snapshots.index()
  const [own] = await history.generations({ before: generation + 1, limit: 1 })
  const changed = own === undefined ? [] : [own]
  const row = changed.map((one) => generationRow(one, new Map(), links, nowMs, { hasActor: true }))
  const text = readQuery(request.query).toLowerCase()
  const isOther = (name: string, snapshot: string) => now.current.get(name)?.name !== snapshot
  const all = [...index.current].filter(([name]) => name.toLowerCase().includes(text))
  const ordered = [
    ...all.filter(([name, one]) => isOther(name, one.name)),
    ...all.filter(([name, one]) => !isOther(name, one.name)),
  ]
  const pages = Math.max(1, Math.ceil(ordered.length / PAGE_ROWS))
  const page = Math.min(readPage(request.query), pages)
  const rows = ordered.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS).map(([name, { name: snapshot }]) => {
    const present = now.current.get(name)?.name
    const differs =
      present === undefined
        ? badge('plain', 'not in it now')
        : html`<a href="${links.diff(name, snapshot, present)}">now ${present}</a>`
    return html`<tr>
      <th scope="row" class="nm"><a href="${links.mirror(name)}">${name}</a></th>
      <td><a class="m" href="${links.snapshot(name, snapshot)}">${snapshot}</a></td>
      <td class="mu">${present === snapshot ? 'as now' : differs}</td>
    </tr>`
  })
  const others = [...index.current].filter(([name, one]) => isOther(name, one.name)).length
  const file = links.to(`/repos/generations/${generation}/all_latest.json`)
  const body = html`${crumbs([['Changes', links.to('/generations')], String(generation)])}
    <div class="hero">
      <div>
        <h1>Generation ${generation}</h1>
        <p>
          ${generation === now.generation ? 'What jobs see now' : html`What jobs saw from ${time(createdAt, nowMs)} on`}:
          ${counted(index.current.size, 'mirror')},
          ${others === 0 ? 'all as they are now' : `${counted(others, 'differs', 'differ')} from now`}.
          <a href="${file}">Its index</a>
        </p>
      </div>
      <div class="use">
        <div class="lab"><span>The whole farm back to it</span></div>
        ${copyLine(`pinyon rollback --generation ${generation} --dry-run`)}
      </div>
    </div>
    ${card(
      'made',
      'What it changed',
      html`<table class="gen">
        <caption class="sr">
          What this generation changed
        </caption>
        <tbody>
          ${row}
        </tbody>
      </table>`,
    )}
    ${card(
      'index',
      'The index then',
      html`${dataTable({ kind: 'gen', caption: 'Mirrors and their snapshots', columns: ['Mirror', 'Jobs got', 'Now'], rows })}
      ${pager(pages, page, (one) => `${links.generation(generation)}?page=${one}`)}`,
      { note: count(all.length) },
    )}`
  return {
    title: `Generation ${generation}`,
    place: 'changes',
    body,
    json: links.api(`generations/${generation}`),
  }
}
