import type { Attention } from '../../proxy/attention.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { byMirror, isMirrorFresh, readFarm, syncState, type FarmState } from '../farm-state.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { Links } from '../links.ts'
import { copyLine } from '../parts/pieces.ts'
import { attentionList } from './attention-list.ts'
import { factsOf, trafficCard } from './farm-facts.ts'
import { mirrorsTable } from './mirrors-table.ts'
import { latestChanges } from './latest-changes.ts'
import { counted, time } from '../text.ts'

/** Ranks that are lines of their own; what comes after is a badge. */
const LAST_LISTED_RANK = 8

/** The farm at a glance. */
export async function farmPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const state = await readFarm(context)
  const needs = state.attention.filter(({ rank }) => rank <= LAST_LISTED_RANK)
  if (state.mirrors.length === 0) return emptyPage(context, links, needs)
  const { headline, title, isStarting } = describe(state, context, needs)
  const body = html`<div class="hero" id="hero" data-live>
      <div>
        <h1 aria-live="polite">${headline}</h1>
        <p>${explain(state, links, await context.snapshots.index())}</p>
      </div>
      <div class="use">
        <div class="lab">
          <span>In a CI job</span><a href="${links.to('/setup')}">dnf, mock, zypper, curl</a>
        </div>
        ${copyLine(jobLine(request.base))}
      </div>
    </div>
    ${attentionList(needs, state, context, links)} ${factsOf(state, context)}
    ${await mirrorsTable(state, context, { links, query: request.query, attention: byMirror(state.attention) })}
    <div class="two">${await latestChanges(context, links, state.nowMs)}${trafficCard(state, context)}</div>`
  return {
    title,
    place: 'mirrors',
    body,
    json: links.api('mirrors'),
    isBusy: isStarting || context.syncs.asked.length > 0,
    isAlarming: needs.some(({ code }) => code === 'lost' || code === 'jobs_fail'),
    isOverview: true,
  }
}

/** What a CI job is started with. */
export function jobLine(base: string, variable = '$BUILD_TAG'): string {
  return `CI_MIRRORS_URL=${base}/repos/views/${variable}/all_latest.json`
}

function emptyPage(context: DashboardContext, links: Links, needs: readonly Attention[]): Page {
  const state = { attention: needs, mirrors: [], nowMs: context.now(), traffic: context.traffic() }
  const body = html`<div class="hero" id="hero" data-live>
      <div>
        <h1>No mirrors yet</h1>
        <p>
          Print entries for the repositories that a machine already has, and add them to
          ${context.configName()}. This page shows them as soon as the file is saved.
        </p>
      </div>
      <div class="use">
        <div class="lab"><span>On that machine</span></div>
        ${copyLine('pinyon import /etc/yum.repos.d/*.repo')}
      </div>
    </div>
    ${attentionList(needs, state, context, links)}`
  return {
    title: 'No mirrors yet',
    place: 'mirrors',
    body,
    json: links.api('mirrors'),
    isBusy: true,
    isOverview: true,
  }
}

function describe(
  { mirrors, nowMs }: FarmState,
  context: DashboardContext,
  needs: readonly Attention[],
): { readonly headline: string; readonly title: string; readonly isStarting: boolean } {
  const listed = mirrors.filter((mirror) => mirror.listed && mirror.removedAt === undefined)
  const ready = listed.filter(({ current }) => current !== undefined)
  const all = listed.length === 1 ? 'The mirror' : `All ${listed.length} mirrors`
  const getting = listed.filter(
    (mirror) => mirror.current === undefined && syncState(mirror.name, context) !== undefined,
  )
  // Of a farm that is at work, a mirror that is added is no start.
  const isStarting = getting.length > 0 && ready.length * 2 <= listed.length
  if (isStarting) {
    const headline = `Getting the first snapshots: ${ready.length} of ${counted(listed.length, 'mirror')} ready`
    return { headline, title: `${ready.length} of ${listed.length} ready`, isStarting }
  }
  const fresh = listed.filter((mirror) => isMirrorFresh(mirror, context, nowMs)).length
  if (needs.length > 0) {
    const look = needs.length === 1 ? '1 needs a look' : `${needs.length} need a look`
    const part =
      fresh === listed.length
        ? `${all} ${listed.length === 1 ? 'is' : 'are'} fresh`
        : `${fresh} of ${listed.length} mirrors ${fresh === 1 ? 'is' : 'are'} fresh`
    return { headline: `${part}; ${look}`, title: look, isStarting }
  }
  if (fresh === listed.length)
    return { headline: `${all} ${listed.length === 1 ? 'is' : 'are'} fresh`, title: 'All fresh', isStarting }
  const headline = `${fresh} of ${listed.length} mirrors ${fresh === 1 ? 'is' : 'are'} fresh`
  return { headline, title: headline, isStarting }
}

function explain(
  { mirrors, traffic, nowMs }: FarmState,
  links: Links,
  { generation, createdAt }: { readonly generation: number; readonly createdAt: number },
): HtmlPart {
  const pinned = mirrors.filter((mirror) => mirror.pinned).length
  const { failed, requests } = traffic.lastHour
  const parts: Html[] = []
  if (generation > 0)
    parts.push(
      html`Jobs see generation <a href="${links.generation(generation)}">${generation}</a>, made at
        ${time(createdAt, nowMs)}.`,
    )
  else parts.push(html`A mirror can be used as soon as its own line is done.`)
  if (pinned > 0) parts.push(html`${counted(pinned, 'mirror is', 'mirrors are')} pinned.`)
  if (requests > 0)
    parts.push(
      failed === 0
        ? html`No request failed in the last hour.`
        : html`${counted(failed, 'request')} failed in the last hour.`,
    )
  return parts.map((part, at) => [at > 0 && ' ', part])
}
