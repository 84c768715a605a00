import type { Attention } from '../../proxy/attention.ts'
import type { DashboardContext } from '../context.ts'
import { askedAgainAt, type FarmState } from '../farm-state.ts'
import { html, type HtmlPart } from '../html.ts'
import type { Links } from '../links.ts'
import { icon, type IconName } from '../parts/icons.ts'
import { ago, clip, shortDigests, time } from '../text.ts'
import { syncButton } from './writes.ts'

/** Lines that are shown; further ones are counted. */
const MAX_LINES = 8
const MAX_CAUSE = 240

const PICTURES: Readonly<Record<Attention['code'], readonly [IconName, string]>> = {
  jobs_fail: ['lostx', 'lost'],
  configuration_refused: ['lostx', 'lost'],
  lost: ['lostx', 'lost'],
  defective: ['warn', 'risk'],
  replaced: ['swap', 'risk'],
  upstream_down: ['down', 'lost'],
  at_risk: ['warn', 'risk'],
  cache_full: ['warn', 'risk'],
  told_to_wait: ['warn', 'risk'],
  stale: ['warn', 'risk'],
  pinned_long: ['pin', 'pinc'],
}

/** What needs somebody, worst first; nothing when nothing does. */
export function attentionList(
  needs: readonly Attention[],
  { mirrors, nowMs }: Pick<FarmState, 'mirrors' | 'nowMs'>,
  context: DashboardContext,
  links: Links,
): HtmlPart {
  // What appears later needs its place.
  if (needs.length === 0) return html`<div id="att" data-live></div>`
  const lines = needs.slice(0, MAX_LINES).map((one) => {
    const [picture, tone] = PICTURES[one.code]
    const mirror = mirrors.find(({ name }) => name === one.mirror)
    const again = mirror && askedAgainAt(mirror, context, nowMs)
    const subject =
      one.mirror === undefined ? html`<b>${one.text}</b>` : html`<b>${one.mirror}</b> ${one.text}`
    const since =
      one.since !== undefined && one.code !== 'pinned_long' && html` since ${ago(one.since, nowMs)}`
    return html`<li>
      <span class="${tone}">${icon(picture)}</span>
      <div>
        ${subject}${since}
        <p>
          ${clip(shortDigests(one.cause), MAX_CAUSE)}${again !== undefined && html` Asked again at ${time(again, nowMs)}.`}
        </p>
      </div>
      <div class="do">${nextStep(one, mirror?.current?.name, context, links)}</div>
    </li>`
  })
  const more = needs.length - lines.length
  return html`<section class="card" id="att" data-live aria-label="Needs a look">
    <ul class="att">
      ${lines}${
        more > 0 &&
        html`<li>
          <span></span>
          <div><a href="${links.to('/', { show: 'look' })}">and ${more} more</a></div>
        </li>`
      }
    </ul>
  </section>`
}

function nextStep(
  { code, mirror }: Attention,
  current: string | undefined,
  context: DashboardContext,
  links: Links,
): HtmlPart {
  if (mirror === undefined)
    return code === 'configuration_refused'
      ? html`<code>pinyon check-config</code>`
      : html`<code>pinyon gc --dry-run</code>`
  const checks = html`<a href="${links.to('/activity', { mirror })}">See the checks</a>`
  if (code === 'upstream_down' || code === 'stale' || code === 'told_to_wait')
    return [checks, syncButton(mirror, context, links)]
  if (code === 'jobs_fail') return checks
  if (current === undefined || code === 'pinned_long')
    return html`<a href="${links.mirror(mirror)}">See the mirror</a>`
  if (code === 'replaced') return html`<a href="${links.mirror(mirror)}#snapshots">See the snapshots</a>`
  if (code === 'defective')
    return html`<a href="${links.snapshot(mirror, current)}#defects">See the files</a>`
  const state = code === 'lost' ? 'lost' : 'at_risk'
  return html`<a href="${links.snapshot(mirror, current)}?state=${state}#packages">See the packages</a>`
}
