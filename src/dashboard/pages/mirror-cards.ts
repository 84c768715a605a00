import { toSignatureView } from '../../proxy/api-signatures.ts'
import { formatMirrorRepo } from '../../proxy/mirror-repo.ts'
import { atMinute } from '../farm-state.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { icon } from '../parts/icons.ts'
import { card, completenessBar, copyLine } from '../parts/pieces.ts'
import type { MirrorDefects } from '../../snapshot/farm/mirror-defects.ts'
import { bytes, clip, count, counted, shortDigests, shownUrl, time } from '../text.ts'
import type { SourceReport } from '../../upstream/upstream.ts'
import type { MirrorParts } from './mirror-parts.ts'

/** Digits of a fingerprint that people compare. */
const KEY_DIGITS = 16

/** Whether jobs can have everything that the current snapshot lists. */
export function completenessCard({ mirror, links }: MirrorParts): Html {
  const { current, departed, defects, name } = mirror
  if (current === undefined)
    return card(
      'complete',
      'Can jobs have everything?',
      html`<p class="body mu">There is no snapshot yet.</p>`,
    )
  const { at_risk: atRisk, lost } = departed
  const { cached, cachedBytes, packages: total } = current
  const demand = cached === undefined ? undefined : Math.max(0, total - cached - atRisk.count - lost.count)
  const demandBytes = cachedBytes === undefined ? undefined : Math.max(0, current.bytes - cachedBytes)
  const list = (state: string, text: string) =>
    html`<a href="${links.snapshot(name, current.name)}?state=${state}#packages">${text}</a>`
  const notes = [
    atRisk.count > 0 &&
      html`<p>
        ${list('at_risk', `The ${count(atRisk.count)} at risk`)} left upstream and nobody has asked for them.
        <code>pinyon fetch ${name} --at-risk</code> asks every source now.
      </p>`,
    lost.count > 0 &&
      html`<p>
        ${list('lost', `The ${count(lost.count)} lost`)}: every source was asked and has them not. A job gets
        502. Add <code>fallback:</code>, or roll back.
      </p>`,
    defects.count > 0 && defectsNote(defects, links.snapshot(name, current.name)),
  ]
  return card(
    'complete',
    'Can jobs have everything?',
    html`<div class="body">
      ${completenessBar({ cached: cached ?? 0, atRisk: atRisk.count, lost: lost.count, total }, true)}
      <ul class="comp">
        ${line('a', 'cached', cached, cachedBytes)}${line('d', 'fetched when asked for', demand, demandBytes)}${line('r', 'at risk', atRisk.count, atRisk.bytes, atRisk.count > 0 ? 'risk' : '')}${line('l', 'lost', lost.count, lost.bytes, lost.count > 0 ? 'lost' : '')}
      </ul>
      ${notes}
    </div>`,
  )
}

/** What upstream has wrong, and what that means for jobs. */
function defectsNote({ count: all, missing, first: [one] }: MirrorDefects, snapshot: string): HtmlPart {
  if (one === undefined) return undefined
  const effect = missing === 0 ? 'Jobs get it as it is.' : `A job gets 404 for ${counted(missing, 'file')}.`
  return html`<p>
    <a href="${snapshot}#defects">Upstream has ${counted(all, 'mistake')}</a>: ${clip(one.path, 80)}:
    ${clip(shortDigests(one.message), 200)}. ${effect}
  </p>`
}

function line(
  kind: string,
  what: HtmlPart,
  number: number | undefined,
  size: number | undefined,
  tone = '',
): Html {
  return html`<li>
    <i class="${kind}"></i><span class="${tone}">${what}</span><b>${count(number)}</b
    ><span class="mu">${number === 0 ? '–' : bytes(size)}</span>
  </li>`
}

/** Whether upstream answers, and whose signature is on what it says. */
export async function upstreamsCard({ mirror, settings, context, nowMs }: MirrorParts): Promise<Html> {
  const sources = context.sourcesOf(mirror.name).map((source) => {
    const { baseurl, state, failures, isResting } = source
    const isWell = state === 'ok' && failures === 0
    const mark = isUnasked(source) ? undefined : isWell ? 'ok' : 'down'
    const note = state === 'ok' ? '' : isResting ? 'told to wait' : state
    return item(mark, clip(shownUrl(baseurl), 80), note, sourceInWords(source, nowMs))
  })
  const fallbacks = (settings?.fallbacks ?? []).map((url) =>
    item(
      undefined,
      clip(shownUrl(url), 80),
      'fallback',
      'Asked, by checksum, for what upstream no longer has.',
    ),
  )
  const nextAt = context.syncs.nextAt(mirror.name)
  const next =
    nextAt !== undefined &&
    html`<p class="mu next">Looked at next at ${time(atMinute(Math.max(nextAt, nowMs)), nowMs)}.</p>`
  const none = sources.length === 0 && html`<li><p>It is not in the configuration: nobody is asked.</p></li>`
  return card(
    'upstreams',
    'Upstreams',
    html`<div class="body">
      <ul class="ups">
        ${sources}${none}${fallbacks}${await signature({ mirror, settings, context, nowMs })}
      </ul>
      ${next}
    </div>`,
  )
}

/** Whether nobody has asked it yet, as nothing was to be had that those before it had not. */
function isUnasked({ failures, isResting, latencyMs }: SourceReport): boolean {
  return failures === 0 && !isResting && latencyMs === undefined
}

/** How a source is. Back-offs of seconds are no times that anybody can read. */
export function sourceInWords(source: SourceReport, nowMs: number): HtmlPart {
  const { failures, retryInMs, isResting, error } = source
  if (isUnasked(source)) return 'Was not asked since the server began.'
  if (failures === 0 && !isResting) return 'Gave what it was asked for last.'
  const reason = clip(shortDigests(error ?? 'no reason'), 200)
  if (isResting)
    return html`Its host wants to be left alone until ${time(atMinute(nowMs + retryInMs), nowMs)}: ${reason}.`
  return html`Failed ${failures === 1 ? 'once' : `${count(failures)} times in a row`}: ${reason}.`
}

function item(state: 'ok' | 'down' | undefined, name: string, note: string, words: HtmlPart): Html {
  const picture =
    state === undefined
      ? undefined
      : state === 'ok'
        ? html`<span class="okc">${icon('ok')}</span>`
        : html`<span class="lost">${icon('down')}</span>`
  return html`<li>
    <div class="h">${picture}<span class="u">${name}</span><span class="nw">${note}</span></div>
    <p>${words}</p>
  </li>`
}

async function signature({
  mirror,
  settings,
  context,
}: Pick<MirrorParts, 'mirror' | 'settings' | 'context' | 'nowMs'>): Promise<HtmlPart> {
  if (mirror.current === undefined) return undefined
  const snapshot = await context.snapshots.snapshot(mirror.name, mirror.current.name)
  if (snapshot === undefined) return undefined
  const { state, key, owner } = await toSignatureView(context.snapshots, snapshot)
  const note = settings?.repoGpgcheck === true ? 'repo_gpgcheck' : 'not asked for'
  if (state === 'verified')
    return item(
      'ok',
      'Signature',
      note,
      `repomd.xml.asc verified: ${groupDigits(key ?? '')}, ${clip(owner ?? '', 80)}.`,
    )
  const words = {
    unverified: 'repomd.xml.asc is there; repo_gpgcheck would verify it.',
    missing: 'Upstream had no signature of this repomd.xml.',
    none: 'This repository is not signed.',
  }
  return item(undefined, 'Signature', note, words[state])
}

function groupDigits(fingerprint: string): string {
  return fingerprint.slice(-KEY_DIGITS).replace(/(.{4})(?=.)/g, '$1 ')
}

/** How to use this mirror. */
export function setupCard({ mirror, context, links }: MirrorParts, base: string): Html {
  const { name, current } = mirror
  const settings = context.clientSettings(name)
  const frozen =
    current === undefined
      ? html`<p class="mu">Works as soon as the first sync is done.</p>`
      : copyLine(
          formatMirrorRepo({
            mirror: name,
            view: current.name,
            layout: current,
            base,
            settings,
          }).trimEnd(),
          {
            isBlock: true,
          },
        )
  const rolling = copyLine(
    `dnf config-manager --add-repo ${base}/setup.repo?mirror=${encodeURIComponent(name)}&at=rolling`,
  )
  const [arch] = current?.arches ?? []
  const root = `${base}/repos/yum/${name}/${current?.name ?? 'latest'}${arch === undefined ? '' : `/${arch}`}`
  const one = copyLine(`curl -fsSO ${root}/repodata/repomd.xml`)
  return card(
    'setup',
    'Set me up',
    html`<div class="body">
      <details open>
        <summary>A .repo file that never moves</summary>
        <div>${frozen}</div>
      </details>
      <details>
        <summary>Follow the current snapshot</summary>
        <div>${rolling}</div>
      </details>
      <details>
        <summary>One file with curl</summary>
        <div>${one}</div>
      </details>
    </div>`,
    {
      right: html`<a href="${links.to('/setup', { mirror: name })}">mock, zypper, podman</a>`,
      isLive: false,
    },
  )
}
