import { describePin } from '../../proxy/api-pin.ts'
import type { FarmMirror } from '../../snapshot/farm/farm.ts'
import type { DashboardContext } from '../context.ts'
import { syncState } from '../farm-state.ts'
import { html, type HtmlPart } from '../html.ts'
import type { Links } from '../links.ts'
import { icon } from '../parts/icons.ts'
import { writeButton } from '../parts/pieces.ts'
import { counted, upperFirst } from '../text.ts'

/** A button that has a mirror looked at now; nothing where nobody may write, or it is not looked at at all. */
export function syncButton(mirror: string, context: DashboardContext, links: Links): HtmlPart {
  if (!context.hasTokens() || context.settingsOf(mirror)?.enabled !== true) return undefined
  const state = syncState(mirror, context)
  if (state !== undefined)
    return html`<a class="btn" href="${links.mirror(mirror)}"
      >${icon('sync', state.isRunning ? ' spin' : '')}${state.isRunning ? 'Running' : upperFirst(state.text)}</a
    >`
  return writeButton([icon('sync'), 'Sync now'], {
    method: 'POST',
    url: links.api(`mirrors/${encodeURIComponent(mirror)}/sync`),
    title: `Sync ${mirror} now`,
    text: 'Upstream is asked whether there is anything new. Jobs that run keep what they have.',
    action: 'Sync now',
    body: {},
  })
}

/** A button that makes a snapshot the one that jobs get, whatever syncs bring. */
export function pinButton(
  mirror: FarmMirror,
  snapshot: string,
  { lost, hosts }: { readonly lost: number; readonly hosts: number },
  context: DashboardContext,
  links: Links,
): HtmlPart {
  if (!context.hasTokens() || context.settingsOf(mirror.name) === undefined) return undefined
  const from = mirror.current === undefined ? '' : ` instead of ${mirror.current.name}`
  const danger = lost > 0 ? ` It lists ${counted(lost, 'package')} that no source has any more.` : ''
  const seen = hosts > 0 ? ` ${hosts} hosts used this mirror in the last 24 hours.` : ''
  return writeButton([icon('pin'), 'Pin jobs to this'], {
    method: 'PUT',
    url: links.api(`mirrors/${encodeURIComponent(mirror.name)}/pin`),
    title: `Pin ${mirror.name} to ${snapshot}`,
    text: `Jobs that start from now on get ${snapshot}${from}, whatever syncs bring. A line is written into ${context.configName()}.${seen}${danger}`,
    action: `Pin to ${snapshot}`,
    body: { snapshot },
    asksWhy: true,
    ifMatch: describePin(mirror).etag,
    command: `pinyon pin ${mirror.name} ${snapshot} --why`,
    ...(lost > 0 ? { typed: mirror.name } : {}),
  })
}

/** A button that gives jobs the newest snapshot again. */
export function unpinButton(mirror: FarmMirror, context: DashboardContext, links: Links): HtmlPart {
  if (!context.hasTokens() || context.settingsOf(mirror.name) === undefined) return undefined
  return writeButton('Unpin', {
    method: 'DELETE',
    url: links.api(`mirrors/${encodeURIComponent(mirror.name)}/pin`),
    title: `Unpin ${mirror.name}`,
    text: `Jobs that start from now on get the newest snapshot, ${mirror.newest ?? 'none'}, instead of ${mirror.current?.name ?? 'none'}. The pin's line is taken out of ${context.configName()}.`,
    action: 'Unpin',
    body: {},
    ifMatch: describePin(mirror).etag,
    command: `pinyon unpin ${mirror.name}`,
  })
}

/** A button that ends a job's view. */
export function endViewButton(view: string, context: DashboardContext, links: Links): HtmlPart {
  if (!context.hasTokens()) return undefined
  return writeButton('End', {
    method: 'DELETE',
    url: links.api(`views/${encodeURIComponent(view)}`),
    title: `End the view ${view}`,
    text: 'A job that still uses it gets another generation at its next request of the index, and its snapshots may go.',
    action: 'End the view',
  })
}
