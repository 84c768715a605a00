import { digestHex } from '../../model/digest.ts'
import type {
  AdvisoryView,
  DiffView,
  MovedView,
  PackageView,
  ReplacedView,
} from '../../snapshot/diff/diff-document.ts'
import {
  groupMoved,
  groupPackages,
  type MovedGroup,
  type PackageGroup,
} from '../../snapshot/diff/source-groups.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { findMirror, findSnapshot } from '../find-mirror.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { Links } from '../links.ts'
import { copyLine, crumbs } from '../parts/pieces.ts'
import { bytes, clip, count, counted } from '../text.ts'

/** Rows above which a section of what is routine is folded. */
const FOLDED_ABOVE = 20
const DIGEST_DIGITS = 12
const MAX_CVES = 6

/** In what two snapshots differ, what can hurt first. */
export async function diffPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const mirror = await findMirror(context, request.path[1])
  const all = await context.snapshots.snapshots(mirror.name)
  const named = (key: string, otherwise: string | undefined) => {
    const asked = request.query.get(key) ?? otherwise
    if (asked === 'current') return mirror.current?.name
    return asked === 'newest' ? mirror.newest : asked
  }
  const to = await findSnapshot(context, mirror.name, named('to', mirror.newest))
  const before = all.find(({ seq }) => seq < to.seq)?.name
  const current = mirror.current?.id === to.id ? before : mirror.current?.name
  const from = await findSnapshot(context, mirror.name, named('from', current ?? to.name))
  const diff = await context.diff({ mirror: mirror.name, from: from.name, to: to.name })
  const api = `mirrors/${encodeURIComponent(mirror.name)}/diff?from=${from.name}&to=${to.name}`
  const json = links.api(api)
  const body = html`${crumbs([['Mirrors', links.to('/')], [mirror.name, links.mirror(mirror.name)], 'compare'])}
    <div class="hero">
      <div>
        <h1>What changed in ${mirror.name}</h1>
        ${chooser(mirror.name, all, { from, to }, links)}
      </div>
      ${eachStep(mirror.name, all, { from, to })}
    </div>
    ${summary(diff)} ${sections(diff, links, json)}
    <section class="card" aria-labelledby="h-b">
      <header><h2 id="h-b">What next</h2></header>
      <div class="body next">
        <p>Jobs get the first of the two again:</p>
        ${copyLine(`pinyon pin ${mirror.name} ${from.name} --why "…"`)}
      </div>
    </section>`
  return { title: `Changes in ${mirror.name}`, place: 'mirrors', body, json, isFixed: true }
}

function chooser(
  mirror: string,
  all: readonly Snapshot[],
  { from, to }: { readonly from: Snapshot; readonly to: Snapshot },
  links: Links,
): Html {
  const select = (name: string, label: string, chosen: Snapshot) =>
    html`<label
      >${label}
      <select name="${name}">
        ${all.map((one) => html`<option${one.id === chosen.id && html` selected`}>${one.name}</option>`)}
      </select></label
    >`
  return html`<form class="meta choose" action="${links.mirror(mirror)}/diff">
    ${select('from', 'From', from)}${select('to', 'to', to)}<button class="btn">Compare</button
    ><a href="${links.diff(mirror, to.name, from.name)}">Swap the two</a>
  </form>`
}

/** Which of the steps from one to the other broke a job; nothing where there is none. */
function eachStep(
  mirror: string,
  all: readonly Snapshot[],
  { from, to }: { readonly from: Snapshot; readonly to: Snapshot },
): HtmlPart {
  if (from.id === to.id) return undefined
  const [first, last] = [Math.min(from.seq, to.seq), Math.max(from.seq, to.seq)]
  const between = all.filter(({ seq }) => seq > first && seq < last).length
  const found = between === 0 ? 'none' : counted(between, 'snapshot')
  return html`<div class="use">
    <div class="lab"><span>Each step between (${found}): which one broke a job, in few runs</span></div>
    ${copyLine(`pinyon bisect ${mirror} ${from.name} ${to.name} --run ./job.sh`)}
  </div>`
}

function summary({ summary: figures }: DiffView): Html {
  const all = [
    ['replaced', figures.replaced, 'replaced in place', 'risk'],
    ['downgraded', figures.downgraded, 'downgraded', 'risk'],
    ['removed', figures.removed, 'removed', ''],
    ['upgraded', figures.upgraded, 'upgraded', ''],
    ['added', figures.added, 'added', ''],
    ['advisories', figures.advisories, 'new advisories', ''],
  ] as const
  const items = all.map(([key, number, what, tone]) => {
    const figure = html`<b>${count(number)}</b> ${what}`
    return html`<li class="${number > 0 && tone}">
      ${number === 0 ? figure : html`<a href="#${key}">${figure}</a>`}
    </li>`
  })
  return html`<ul class="figures card">
    ${items}
  </ul>`
}

function sections(diff: DiffView, links: Links, json: string): HtmlPart {
  const { mirror, summary: figures, metadata, advisories_error: error } = diff
  const name = (text: string) => html`<a href="${links.package(mirror, text)}">${clip(text)}</a>`
  const toMovedRow = (group: MovedGroup<MovedView>) => movedGroupRow(group, name)
  const toPackageRow = (group: PackageGroup<PackageView>) => packageGroupRow(group, name)
  const nothing = Object.values(figures).every((number) => number === 0)
  return [
    nothing && html`<section class="card"><p class="body">No package differs.</p></section>`,
    section(
      'replaced',
      'Replaced in place: same name and version, other bytes',
      diff.replaced,
      figures.replaced,
      (one) => replacedRow(one, name),
      json,
    ),
    groupedSection('downgraded', diff, groupMoved(diff.downgraded), toMovedRow, json),
    groupedSection('removed', diff, groupPackages(diff.removed), toPackageRow, json),
    groupedSection('upgraded', diff, groupMoved(diff.upgraded), toMovedRow, json),
    groupedSection('added', diff, groupPackages(diff.added), toPackageRow, json),
    section('advisories', 'New advisories', diff.advisories, figures.advisories, advisoryRow, json),
    error !== null && html`<p class="mu note">New advisories could not be told: ${clip(error, 300)}</p>`,
    metadata.length > 0 &&
      html`<p class="mu note">Other metadata that differ: ${clip(metadata.join(', '), 300)}</p>`,
  ]
}

/** What is of one source package is one row. */
function groupedSection<Group extends MovedGroup<MovedView> | PackageGroup<PackageView>>(
  id: 'downgraded' | 'removed' | 'upgraded' | 'added',
  diff: DiffView,
  groups: readonly Group[],
  toRow: (group: Group) => Html,
  json: string,
): HtmlPart {
  const title = `${id.charAt(0).toUpperCase()}${id.slice(1)}`
  const listed = { rows: groups.length, items: diff[id].length }
  return section(id, title, groups, diff.summary[id], toRow, json, listed)
}

function section<T>(
  id: string,
  title: string,
  items: readonly T[],
  total: number,
  toRow: (item: T) => Html,
  json: string,
  listed: { readonly rows: number; readonly items: number } = { rows: items.length, items: items.length },
): HtmlPart {
  if (total === 0) return undefined
  const table = html`<table class="gen diff">
    <caption class="sr">
      ${title}
    </caption>
    <tbody>
      ${items.map(toRow)}
    </tbody>
  </table>`
  const more =
    listed.items < total &&
    html`<p class="foot">
      The first ${count(listed.items)} of ${count(total)}. <a href="${json}">All of them as JSON</a>
    </p>`
  const isFolded = items.length > FOLDED_ABOVE && (id === 'upgraded' || id === 'added')
  const content = isFolded
    ? html`<details class="fold">
        <summary>
          Show
          ${counted(listed.items, 'package')}${listed.rows < listed.items && `, of ${counted(listed.rows, 'source package')}`}
        </summary>
        ${table}
      </details>`
    : table
  return html`<section class="card" id="${id}" aria-labelledby="h-${id}">
    <header>
      <h2 id="h-${id}">${title}</h2>
      <span class="mu">${count(total)}</span>
    </header>
    ${content}${more}
  </section>`
}

type Namer = (name: string) => Html

/** Where it is, and what else of it came or went. */
function otherVersions({
  arch,
  arches,
  also_added: added = [],
  also_removed: removed = [],
}: MovedView): string[] {
  return [
    ...describeArches(arch, arches),
    ...removed.map((evr) => `${clip(evr)} is gone`),
    ...added.map((evr) => `${clip(evr)} is new`),
  ]
}

function movedRow(one: MovedView, link: Namer): Html {
  const { name, arch, from, to } = one
  const others = otherVersions(one)
  return html`<tr>
    <th scope="row" class="nm">${link(name)}<span class="fa">.${clip(arch)}</span></th>
    <td class="m">${clip(from.evr)} → <b>${clip(to.evr)}</b></td>
    <td class="mu">${others.slice(0, 4).join(', ')}</td>
  </tr>`
}

function movedGroupRow(group: MovedGroup<MovedView>, link: Namer): Html {
  const { from, to, members } = group
  if (members.length === 1) return movedRow(members[0], link)
  const items = members.map((one) => memberOf(one, otherVersions(one), link))
  return html`<tr>
    <th scope="row" class="nm">${groupName(group, link)}</th>
    <td class="m">${clip(from)} → <b>${clip(to)}</b></td>
    <td>${memberList(items)}</td>
  </tr>`
}

function packageGroupRow(group: PackageGroup<PackageView>, link: Namer): Html {
  const { version, members } = group
  if (members.length === 1) return packageRow(members[0], link)
  const items = members.map((one) => memberOf(one, describeArches(one.arch, one.arches), link))
  return html`<tr>
    <th scope="row" class="nm">${groupName(group, link)}</th>
    <td class="m">${clip(version)}</td>
    <td>${memberList(items)}</td>
  </tr>`
}

/** A source package need not make one of its own name. */
function groupName(
  { name, members }: MovedGroup<MovedView> | PackageGroup<PackageView>,
  link: Namer,
): HtmlPart {
  return members.some((one) => one.name === name) ? link(name) : clip(name)
}

function memberList(items: readonly Html[]): Html {
  return html`<details class="group">
    <summary>${counted(items.length, 'package')}</summary>
    <ul>
      ${items.map((item) => html`<li>${item}</li>`)}
    </ul>
  </details>`
}

function memberOf(
  { name, arch }: { readonly name: string; readonly arch: string },
  notes: readonly string[],
  link: Namer,
): Html {
  return html`${link(name)}<span class="fa">.${clip(arch)}</span
    >${notes.length > 0 && html` <span class="mu">${notes.slice(0, 4).join(', ')}</span>`}`
}

function packageRow({ name, nevra, size, arch, arches }: PackageView, link: Namer): Html {
  return html`<tr>
    <th scope="row" class="nm">${link(name)}</th>
    <td class="m">${clip(nevra)}</td>
    <td class="mu">${bytes(size)} ${describeArches(arch, arches).join('')}</td>
  </tr>`
}

/** Where a package is that does not say it itself. */
function describeArches(arch: string, arches: readonly string[] = []): string[] {
  return arches.every((one) => one === arch) ? [] : [`in ${arches.join(', ')}`]
}

function replacedRow({ name, nevra, from, to }: ReplacedView, link: Namer): Html {
  return html`<tr>
    <th scope="row" class="nm">${link(name)}</th>
    <td class="m">${clip(nevra)}</td>
    <td>${bytesOf(from)}<br />${bytesOf(to)}</td>
  </tr>`
}

function bytesOf({ digest, size, href }: ReplacedView['from']): Html {
  return html`<span class="m">${digestHex(digest).slice(0, DIGEST_DIGITS)}</span> ${bytes(size)}
    <span class="fa">${clip(href)}</span>`
}

function advisoryRow({ id, type, severity, title, cves }: AdvisoryView): Html {
  const kind = [severity, type].filter((word) => word !== null).join(' ')
  return html`<tr>
    <th scope="row" class="nm">${clip(id)}</th>
    <td class="mu">${clip(kind)}</td>
    <td>
      ${clip(title ?? '', 200)}
      <span class="fa"
        >${cves
          .slice(0, MAX_CVES)
          .map((cve) => clip(cve, 30))
          .join(' ')}</span
      >
    </td>
  </tr>`
}
