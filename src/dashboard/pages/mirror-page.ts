import type { Attention } from '../../proxy/attention.ts'
import type { DashboardContext, MirrorSettings, Page, PageRequest } from '../context.ts'
import { askedAgainAt, byMirror, isMirrorFresh, readFarm, syncState } from '../farm-state.ts'
import { findMirror } from '../find-mirror.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { Links } from '../links.ts'
import { TimeAxis } from '../parts/axis.ts'
import { icon } from '../parts/icons.ts'
import { lanes, marksInWords } from '../parts/lanes.ts'
import { badge, card, copyLine, crumbs, progressBar } from '../parts/pieces.ts'
import { ago, clip, counted, day, shortDigests, shownUrl, span, time } from '../text.ts'
import { completenessCard, setupCard, upstreamsCard } from './mirror-cards.ts'
import { checksCard, usersCard } from './mirror-logs.ts'
import type { MirrorParts } from './mirror-parts.ts'
import { snapshotsCard } from './snapshots-card.ts'
import { syncButton, unpinButton } from './writes.ts'

const DAY_MS = 86_400_000
/** Views of a mirror's snapshots that are drawn. */
const HOLDERS = 12
const FAILURES = 100
/** What a mirror's own page tells before all else: jobs will not get what upstream has. */
const TROUBLES: ReadonlySet<Attention['code']> = new Set([
  'jobs_fail',
  'upstream_down',
  'told_to_wait',
  'stale',
])

/** One mirror: what jobs get and why, its history, whether they can have everything, and who uses it. */
export async function mirrorPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const mirror = await findMirror(context, request.path[1])
  const { attention, nowMs } = await readFarm(context)
  const own = byMirror(attention).get(mirror.name)
  const settings = context.settingsOf(mirror.name)
  const { farm } = context.snapshots
  const axis = new TimeAxis(nowMs)
  const marks = (await farm.marks([mirror.id], axis.startMs)).get(mirror.id) ?? []
  const hosts = (await farm.hosts([mirror.id], nowMs - DAY_MS)).get(mirror.id) ?? 0
  const facts = {
    mirror,
    marks,
    currents: await farm.currents(mirror.id, axis.startMs),
    failures: await farm.checks({ mirror: mirror.name, outcome: 'failed', limit: FAILURES }),
    holders: await farm.holders(mirror.id, HOLDERS),
  }
  // Of what was never had there is nothing to draw, nor to list.
  const isNew = mirror.current === undefined && marks.length === 0
  const sync = syncState(mirror.name, context)
  const parts = { mirror, settings, context, links, nowMs }
  const body = html`${crumbs([['Mirrors', links.to('/')], mirror.name])}
    <div id="head" data-live>
      ${head(parts, own, hosts)}${callout(parts, own)}${sync !== undefined && html`<p class="running"><span class="syncc">${icon('sync', sync.isRunning ? ' spin' : '')}</span>${progressBar(sync.done, sync.total, `Sync of ${mirror.name}`)}<span class="mu">${mirror.current === undefined ? 'First sync: ' : ''}${sync.text}</span></p>`}
    </div>
    ${
      isNew
        ? html`<div class="two">${await upstreamsCard(parts)}${setupCard(parts, request.base)}</div>`
        : html`${card('timeline', '14 days', lanes(facts, axis), { note: marksInWords(marks), right: html`<a href="${links.mirror(mirror.name)}/snapshots">All kept</a>` })}
            <div class="three">
              ${completenessCard(parts)}${await upstreamsCard(parts)}${setupCard(parts, request.base)}
            </div>
            ${await snapshotsCard(parts)}`
    }
    <div class="two">${await checksCard(parts)}${await usersCard(parts)}</div>`
  return {
    title: mirror.name,
    place: 'mirrors',
    body,
    json: links.api(`mirrors/${encodeURIComponent(mirror.name)}`),
    isBusy: sync !== undefined,
    isAlarming: own?.code === 'lost' || own?.code === 'jobs_fail',
    isPrivate: true,
  }
}

function head(parts: MirrorParts, own: Attention | undefined, hosts: number): Html {
  const { mirror, settings, context, links, nowMs } = parts
  const { name, current } = mirror
  const files =
    current === undefined
      ? undefined
      : html`<a class="btn" href="${links.file(name, current.name)}">Browse files</a>`
  const [url] = settings?.baseurls ?? []
  return html`<div class="mhead">
      <h1>${name}</h1>
      ${badges(parts, own)}
      <div class="r">
        ${files}${mirror.pinned && unpinButton(mirror, context, links)}${syncButton(name, context, links)}
      </div>
    </div>
    <div class="meta">
      ${url !== undefined && html`<span class="m">${clip(shownUrl(url), 200)}</span>`}${settings !== undefined && html`<span>policy: ${settings.policy}</span>`}<span
        >${interval(settings)}checked ${ago(mirror.checkedAt, nowMs)}</span
      >${current !== undefined && html`<span>${counted(hosts, 'host')} in 24 h</span>`}
    </div>`
}

function interval(settings: MirrorSettings | undefined): string {
  if (settings === undefined) return ''
  return settings.intervalMs === 'off' ? 'on command, ' : `every ${span(settings.intervalMs)}, `
}

function badges({ mirror, context, nowMs }: MirrorParts, own: Attention | undefined): HtmlPart {
  const { pinned, listed, removedAt, departed, defects, replaced, current } = mirror
  if (removedAt !== undefined) return badge('plain', 'removed')
  if (!listed) return badge('plain', 'not listed')
  return [
    own?.code === 'jobs_fail' && badge('lost', 'jobs get errors', 'lostx'),
    pinned && badge('pin', 'pinned', 'pin'),
    departed.lost.count > 0 && badge('lost', `${departed.lost.count} lost`, 'lostx'),
    departed.at_risk.count > 0 && badge('risk', `${departed.at_risk.count} at risk`, 'warn'),
    defects.count > 0 && badge('risk', counted(defects.count, 'defect'), 'warn'),
    replaced > 0 && badge('risk', `${replaced} replaced`, 'swap'),
    own?.code === 'upstream_down' && badge('lost', 'upstream down', 'down'),
    own?.code === 'stale' && badge('risk', 'stale', 'warn'),
    own?.code === 'told_to_wait' && badge('risk', 'told to wait', 'warn'),
    current === undefined && badge('sync', 'no snapshot yet', 'sync'),
    isMirrorFresh(mirror, context, nowMs) && mirror.error === undefined && badge('cur', 'fresh'),
  ]
}

/** What overrides all else: why jobs do not get the newest, or will not. */
function callout(
  { mirror, settings, context, links, nowMs }: MirrorParts,
  own: Attention | undefined,
): HtmlPart {
  const { name, current, pinnedSince, removedAt } = mirror
  if (removedAt !== undefined) {
    const until = day(removedAt + context.retention().removedMs, nowMs)
    return html`<div class="callout calm">
      ${icon('warn')}
      <div>
        <b>This mirror is out of the configuration since ${time(removedAt, nowMs)}.</b> Addresses of its
        snapshots are answered until ${until}.
      </div>
    </div>`
  }
  if (own !== undefined && TROUBLES.has(own.code)) return trouble({ mirror, context, nowMs, links }, own)
  if (!mirror.pinned || current === undefined) return undefined
  const waiting =
    mirror.waiting === 0
      ? 'No newer snapshot waits.'
      : `${counted(mirror.waiting, 'newer snapshot waits', 'newer snapshots wait')}.`
  const place =
    settings?.pinLine === undefined
      ? context.configName()
      : `${context.configName()} line ${settings.pinLine}`
  const why = mirror.pinWhy === undefined ? place : `“${clip(mirror.pinWhy, 200)}”, ${place}`
  const compare =
    mirror.newest !== undefined &&
    mirror.newest !== current.name &&
    html`<a href="${links.diff(name, current.name, mirror.newest)}">Compare with the newest</a>`
  return html`<div class="callout">
    ${icon('pin')}
    <div>
      <b
        >Jobs get ${current.name},
        pinned${pinnedSince !== undefined && html`, since ${time(pinnedSince, nowMs)}`}.</b
      >
      ${waiting}<br /><span class="mu">${why}. ${compare}</span>
    </div>
    ${copyLine(`pinyon unpin ${name}`)}
  </div>`
}

function trouble({ mirror, context, nowMs, links }: Omit<MirrorParts, 'settings'>, own: Attention): Html {
  const { current, name } = mirror
  const again = askedAgainAt(mirror, context, nowMs)
  const left =
    current?.cached === undefined || own.code !== 'upstream_down'
      ? ''
      : `${counted(current.cached, 'package is', 'packages are')} served from the cache, ${counted(Math.max(0, current.packages - current.cached), 'one', 'others')} cannot be fetched now.`
  const isBad = own.code === 'upstream_down' || own.code === 'jobs_fail'
  return html`<div class="callout ${isBad ? 'bad' : 'warn'}">
    ${icon(own.code === 'upstream_down' ? 'down' : own.code === 'jobs_fail' ? 'lostx' : 'warn')}
    <div>
      <b>${name} ${own.text}${own.since !== undefined && html` since ${ago(own.since, nowMs)}`}.</b>
      ${left}<br /><span class="mu"
        >${clip(shortDigests(own.cause), 300)}
        ${again !== undefined && html`It is asked again at ${time(again, nowMs)}. `}<a
          href="${links.to('/activity', { mirror: name })}"
          >See the checks</a
        ></span
      >
    </div>
    ${copyLine(own.code === 'jobs_fail' ? `pinyon usage ${name}` : `pinyon sync ${name}`)}
  </div>`
}
