import { splitArch } from '../../model/arch.ts'
import { placeOf } from '../../model/snapshot-path.ts'
import { digestHex, type Digest } from '../../model/digest.ts'
import { compareNevra, formatNevra } from '../../model/nevra.ts'
import { toSignatureView } from '../../proxy/api-signatures.ts'
import type { DepartedState } from '../../snapshot/departed/departed.ts'
import type { FarmMirror, PackageSpan } from '../../snapshot/farm/farm.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { findMirror, findSnapshot } from '../find-mirror.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { Links, readQuery } from '../links.ts'
import { archNote } from '../parts/arch-note.ts'
import { dataTable } from '../parts/data-table.ts'
import { sourceBodies } from '../parts/source-bodies.ts'
import { badge, card, crumbs } from '../parts/pieces.ts'
import { ago, bytes, clip, count, counted, time } from '../text.ts'
import { changesInWords } from './latest-changes.ts'
import { provenanceRows, seenInCard } from './snapshot-past.ts'
import { pinButton } from './writes.ts'

/** Packages that a search shows. */
const HITS = 50
const LISTED_DEPARTED = 200
const MAX_DEFECTS = 20
const DAY_MS = 86_400_000
const DIGEST_DIGITS = 12

interface Parts {
  readonly mirror: FarmMirror
  readonly snapshot: Snapshot
  readonly context: DashboardContext
  readonly links: Links
  readonly query: URLSearchParams
  readonly nowMs: number
}

/** One snapshot: whether it is whole, what it has, and who sees it. */
export async function snapshotPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const mirror = await findMirror(context, request.path[1])
  const snapshot = await findSnapshot(context, mirror.name, request.path[3])
  const { query } = request
  const parts = { mirror, snapshot, context, links, query, nowMs: context.now() }
  const { name } = snapshot
  const body = html`${crumbs([['Mirrors', links.to('/')], [mirror.name, links.mirror(mirror.name)], name])}
  ${await head(parts)} ${await factsCard(parts)} ${await packagesCard(parts)} ${await seenInCard(parts)}
  ${await defectsCard(parts)}`
  const json = links.api(`mirrors/${encodeURIComponent(mirror.name)}/snapshots/${name}`)
  return { title: `${name} of ${mirror.name}`, place: 'mirrors', body, json }
}

async function head({ mirror, snapshot, context, links, nowMs }: Parts): Promise<Html> {
  const { name } = snapshot
  const isCurrent = snapshot.id === mirror.current?.id
  const hosts = (await context.snapshots.farm.hosts([mirror.id], nowMs - DAY_MS)).get(mirror.id) ?? 0
  const lost = (await context.snapshots.departed.countsBySnapshot(mirror.name)).get(name)?.lost.count ?? 0
  const compare =
    mirror.current !== undefined &&
    !isCurrent &&
    html`<a class="btn" href="${links.diff(mirror.name, mirror.current.name, name)}">Compare with current</a>`
  const pin = (!isCurrent || !mirror.pinned) && pinButton(mirror, name, { lost, hosts }, context, links)
  return html`<div class="mhead">
      <h1><span class="m">${name}</span></h1>
      ${isCurrent && badge(mirror.pinned ? 'pin' : 'cur', mirror.pinned ? 'current, pinned' : 'current')}${name === mirror.newest && badge('plain', 'newest')}
      <div class="r">
        <a class="btn" href="${links.file(mirror.name, name)}">Browse files</a>${compare}${pin}
      </div>
    </div>
    <div class="meta">
      <span>of ${mirror.name}</span><span>made ${ago(snapshot.createdAt, nowMs)}</span
      ><code>pinyon pin ${mirror.name} ${name} --why "…"</code>
    </div>`
}

async function factsCard(parts: Parts): Promise<Html> {
  const { mirror, snapshot, context, links, nowMs } = parts
  const all = await context.snapshots.farm.snapshots(mirror, context.retention(), nowMs)
  const at = all.findIndex(({ id }) => id === snapshot.id)
  const [listed, before] = [all[at], all[at + 1]]
  const changes = listed?.changes === undefined ? undefined : changesInWords(listed.changes)
  const files = await context.snapshots.files(snapshot)
  const repomds = files.filter(({ type }) => type === 'repomd')
  const rows: readonly (readonly [string, HtmlPart])[] = [
    ['Made', time(snapshot.createdAt, nowMs)],
    ['Packages', `${count(snapshot.packageCount)}, ${bytes(snapshot.packageBytes)}`],
    [
      'Cached',
      listed?.cached === undefined
        ? 'not counted yet'
        : `${count(listed.cached)}, ${bytes(listed.cachedBytes)}`,
    ],
    [
      'Changed',
      before === undefined
        ? 'the first one that is kept'
        : html`${changes ?? 'not counted'},
            <a href="${links.diff(mirror.name, before.name, snapshot.name)}"
              >compared with the one before</a
            >`,
    ],
    ['Kept because', (listed?.kept ?? []).join(', ')],
    ['Used', html`${counted(listed?.requests ?? 0, 'request')}, last ${ago(listed?.lastUsed, nowMs)}`],
    ['Revision', clip(snapshot.revision ?? '–')],
    ...(snapshot.arches === undefined
      ? []
      : [['Architectures', clip(snapshot.arches.join(', '), 200)] as const]),
    ...repomds.map(({ path, digest }) => {
      const arch = snapshot.arches && splitArch(path, snapshot.arches)?.arch
      return [
        arch === undefined ? 'repomd.xml, ETag' : `repomd.xml of ${arch}, ETag`,
        html`<code class="sel">${digest === undefined ? '–' : digestHex(digest)}</code>`,
      ] as const
    }),
    ...(await signatureRows(parts)),
    ...(await provenanceRows(parts)),
  ]
  return card(
    'facts',
    'What it is',
    html`<dl class="pairs cols body">
      ${rows.map(
        ([what, value]) =>
          html`<div>
            <dt>${what}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>`,
  )
}

/** Whose signature is on it, in words and in what there is to compare. */
async function signatureRows({
  snapshot,
  context,
  nowMs,
}: Parts): Promise<readonly (readonly [string, HtmlPart])[]> {
  const {
    state,
    fingerprint,
    owner,
    hash,
    signed_at: signedAt,
    verified_at: verifiedAt,
  } = await toSignatureView(context.snapshots, snapshot)
  const words = {
    verified: 'repomd.xml.asc was verified before jobs saw this snapshot.',
    unverified: 'repomd.xml.asc is there. It is served as it is; repo_gpgcheck would verify it.',
    missing: 'Upstream had no signature of this repomd.xml.',
    none: 'This repository is not signed.',
  }
  if (state !== 'verified') return [['Signature', words[state]]]
  return [
    ['Signature', words[state]],
    ['Key', html`<code class="sel">${fingerprint ?? ''}</code>`],
    ['Owner', clip(owner ?? '')],
    ['Hash', hash ?? ''],
    ['Signed', signedAt === null ? '–' : time(Date.parse(signedAt), nowMs)],
    ['Verified', verifiedAt === null ? '–' : time(Date.parse(verifiedAt), nowMs)],
  ]
}

async function packagesCard(parts: Parts): Promise<Html> {
  const { snapshot, query, links, mirror } = parts
  const text = readQuery(query)
  const state = (['at_risk', 'lost'] as const).find((one) => one === query.get('state'))
  const here = links.snapshot(mirror.name, snapshot.name)
  const chips = (
    [
      [undefined, 'Search'],
      ['at_risk', 'At risk'],
      ['lost', 'Lost'],
    ] as const
  ).map(
    ([key, name]) =>
      html`<a
        class="chip"
        href="${here}${key !== undefined && `?state=${key}`}#packages"
        ${key === state && html` aria-current="true"`}
        >${name}</a
      >`,
  )
  const form = html`<form class="r" action="${here}#packages">
    <label class="sr" for="sq">Find a package in this snapshot</label
    ><input class="find" id="sq" name="q" type="search" placeholder="Name, version or file" value="${text}" />
  </form>`
  const body =
    state !== undefined
      ? await departedRows(parts, state)
      : text === ''
        ? html`<p class="body mu">
            Search by name, version or file name: ${count(snapshot.packageCount)} packages are listed.
          </p>`
        : await searchRows(parts, text)
  return html`<section class="card" id="packages" aria-labelledby="h-p">
    <header>
      <h2 id="h-p">Packages</h2>
      <nav class="tools" aria-label="Which">${chips}</nav>
      ${form}
    </header>
    ${body}
  </section>`
}

async function searchRows({ mirror, snapshot, context, links }: Parts, text: string): Promise<HtmlPart> {
  const { packages, isComplete } = await context.snapshots.farm.packages(mirror.id, {
    text,
    seq: snapshot.seq,
    limit: HITS,
  })
  if (packages.length > 0) {
    const columns = [
      'Package',
      ['Size', 'n'],
      ['State', 'hid2'],
      ['Digest', 'hid1'],
      ['In snapshots', 'hid2'],
    ] as const
    const bodies = sourceBodies(packages.toSorted(compareNevra), columns.length, (one) =>
      packageRow(one, snapshot, mirror, links),
    )
    return html`${dataTable({ kind: 'gen pkgs', caption: 'Packages that match', columns, bodies })}
    ${!isComplete && html`<p class="foot">These are the first ${HITS}; a longer search finds fewer.</p>`}`
  }
  const elsewhere = await context.snapshots.farm.packages(mirror.id, { text, limit: 1 })
  const more =
    elsewhere.packages.length > 0 &&
    html` <a href="${links.mirror(mirror.name)}/packages?q=${encodeURIComponent(text)}"
        >Other snapshots of ${mirror.name} have it</a
      >.`
  return html`<p class="body mu">
    No package of this snapshot has “${text}” in its name, version, file or source.${more}
  </p>`
}

function packageRow(one: PackageSpan, snapshot: Snapshot, mirror: FarmMirror, links: Links): Html {
  const digest = digestHex(one.digest as Digest)
  const until = one.lastSeq === undefined ? 'up to the newest' : 'up to an earlier one'
  const state = one.cached
    ? badge('cur', 'cached')
    : one.lastSeq === undefined
      ? html`<span class="mu">when asked for</span>`
      : badge('risk', 'left upstream')
  return html`<tr>
    <th scope="row" class="nm">
      <a href="${links.package(mirror.name, one.name)}">${clip(formatNevra(one))}</a>
      ${archNote(one, snapshot.arches)}
      <a
        class="fa"
        href="${links.file(mirror.name, snapshot.name, placeOf(one.href, snapshot))}"
        aria-label="${`Download ${clip(one.href)}`}"
        >rpm</a
      >
    </th>
    <td class="n mu">${bytes(one.size)}</td>
    <td class="hid2">${state}</td>
    <td class="hid1">
      <code class="sel dig"
        ><span>${digest.slice(0, DIGEST_DIGITS)}</span
        ><span class="sr">${digest.slice(DIGEST_DIGITS)}</span></code
      >
    </td>
    <td class="hid2 mu">${until}</td>
  </tr>`
}

async function departedRows(
  { mirror, snapshot, context, links, nowMs }: Parts,
  state: DepartedState,
): Promise<HtmlPart> {
  const found = await context.snapshots.departed.list(mirror.name, {
    states: [state],
    snapshot,
    limit: LISTED_DEPARTED + 1,
  })
  if (found.length === 0)
    return html`<p class="body mu">None: jobs can have everything that this snapshot lists.</p>`
  const rows = found.slice(0, LISTED_DEPARTED).map(
    (one) =>
      html`<tr>
        <th scope="row" class="nm">
          <a href="${links.package(mirror.name, one.name)}">${clip(formatNevra(one))}</a>
        </th>
        <td class="n mu">${bytes(one.size)}</td>
        <td class="mu">
          left upstream
          ${ago(one.departure?.leftAt, nowMs, 'some time ago')}${one.departure?.isReplaced === true && ', replaced'}
        </td>
        <td class="mu">
          ${one.departure?.lost !== undefined && html`asked ${counted(one.departure.lost.times, 'time')}, last ${ago(one.departure.lost.askedAt, nowMs)}: ${clip(one.departure.lost.answers, 200)}`}
        </td>
      </tr>`,
  )
  const command =
    state === 'lost'
      ? html`A job that asks for one gets 502. <code>fallback:</code> names a further source;
          <code>pinyon rollback ${mirror.name}</code> gives jobs the snapshot before.`
      : html`<code>pinyon fetch ${mirror.name} --at-risk</code> asks every source for them now;
          <code>policy: warm</code> fetches what jobs use before it goes.`
  return html`${dataTable({ kind: 'gen pkgs', caption: 'Packages that upstream has dropped', columns: ['Package', 'Size', 'Left', 'Asked for'], isHeadHidden: true, rows })}
    <p class="foot">${found.length > LISTED_DEPARTED && `The first ${LISTED_DEPARTED}. `}${command}</p>`
}

async function defectsCard({ snapshot, context }: Parts): Promise<HtmlPart> {
  const defects = await context.snapshots.defects(snapshot)
  if (defects.length === 0) return undefined
  const rows = defects.slice(0, MAX_DEFECTS).map(
    ({ path, kind, message }) =>
      html`<tr>
        <td class="nw">${kind}</td>
        <td class="m">${clip(path)}</td>
        <td class="mu">${clip(message, 300)}</td>
      </tr>`,
  )
  return card(
    'defects',
    "Upstream's own mistakes",
    html`<table class="gen log">
      <caption class="sr">
        What is wrong with it, as upstream has it
      </caption>
      <tbody>
        ${rows}
      </tbody>
    </table>`,
    { note: 'published as they are' },
  )
}
