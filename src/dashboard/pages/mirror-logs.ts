import type { CheckRun } from '../../snapshot/farm/farm.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import type { Links } from '../links.ts'
import { dataTable } from '../parts/data-table.ts'
import { card } from '../parts/pieces.ts'
import { ago, bytes, clip, count, counted, shortDigests, span, time } from '../text.ts'
import type { MirrorParts } from './mirror-parts.ts'

/** As many as are seen beside who uses it. */
const LATEST = 6
const MAX_REASON = 240

/** The latest looks upstream. */
export async function checksCard({ mirror, context, links, nowMs }: MirrorParts): Promise<Html> {
  const checks = await context.snapshots.farm.checks({ mirror: mirror.name, limit: LATEST })
  const rows = checks.map(
    (check) =>
      html`<tr>
        <td class="mu nw">${time(check.lastAt, nowMs)}</td>
        <td>${checkInWords(check, links)}</td>
        <td class="mu nw">${checkFacts(check)}</td>
      </tr>`,
  )
  const table = dataTable({
    kind: 'gen log',
    caption: 'Checks of upstream, the last ones first',
    columns: ['Time', 'Result', 'Cost'],
    isHeadHidden: true,
    rows,
  })
  const body = checks.length === 0 ? html`<p class="body mu">None is remembered yet.</p>` : table
  return card('checks', 'Checks of upstream', body, {
    right: html`<a href="${links.to('/activity', { mirror: mirror.name })}">All</a>`,
  })
}

/** What a look came to. */
export function checkInWords(
  { outcome, snapshot, reason, times, firstAt, lastAt, mirror }: CheckRun,
  links: Links,
): HtmlPart {
  const repeated =
    times > 1 ? html` <span class="fa">${count(times)} times in ${span(lastAt - firstAt)}</span>` : undefined
  if (outcome === 'failed')
    return html`<span class="lost">failed</span>:
      ${clip(shortDigests(reason ?? 'no reason'), MAX_REASON)}${repeated}`
  if (outcome === 'unchanged' || snapshot === undefined) return html`unchanged${repeated}`
  return html`new snapshot <a class="m" href="${links.snapshot(mirror, snapshot)}">${snapshot}</a>`
}

/** What a look cost. */
export function checkFacts({ outcome, durationMs, bytes: fetched, actor }: CheckRun): string {
  const by = actor === 'schedule' || actor === '' ? '' : `, ${actor}`
  if (outcome === 'published') return `${bytes(fetched)}, ${span(durationMs)}${by}`
  return outcome === 'failed' ? `nothing changed${by}` : `${span(durationMs)}${by}`
}

/** Who uses the mirror, by kind of client. */
export async function usersCard({ mirror, context, links, nowMs }: MirrorParts): Promise<Html> {
  const details = await context.usage.reader.ofMirror(mirror.name)
  const agents = new Map<string, { hosts: number; requests: number; lastSeen: number }>()
  for (const { agent, requests, lastSeen } of details?.clients ?? []) {
    const before = agents.get(agent) ?? { hosts: 0, requests: 0, lastSeen: 0 }
    agents.set(agent, {
      hosts: before.hosts + 1,
      requests: before.requests + requests,
      lastSeen: Math.max(before.lastSeen, lastSeen),
    })
  }
  const sorted = [...agents].toSorted(([, a], [, b]) => b.requests - a.requests).slice(0, LATEST)
  const rows = sorted.map(
    ([agent, { hosts, requests, lastSeen }]) =>
      html`<tr>
        <td>${agent}</td>
        <td class="mu nw">${counted(hosts, 'host')}</td>
        <td class="mu nw">${counted(requests, 'request')}</td>
        <td class="mu nw">${ago(lastSeen, nowMs)}</td>
      </tr>`,
  )
  const total = details?.usage?.clients ?? 0
  const body =
    rows.length === 0
      ? html`<p class="body mu">Nobody has used it yet.</p>`
      : dataTable({
          kind: 'gen log',
          caption: 'Who uses it, by kind of client',
          columns: ['Client', 'Hosts', 'Requests', 'Last seen'],
          isHeadHidden: true,
          rows,
        })
  return card('users', 'Who uses it', body, {
    right: html`<a href="${links.to(`/usage/${encodeURIComponent(mirror.name)}`)}"
      >${total === 0 ? 'Usage' : `All ${counted(total, 'host')}`}</a
    >`,
  })
}
