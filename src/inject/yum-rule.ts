import { encodeByteText } from './byte-text.ts'
import { planInsertedSections } from './inserted-sections.ts'
import type { InjectedSection, Injection, InjectOptions } from './injection.ts'
import type { InsertedMirror, MirrorMap } from './mirror-map.ts'
import { checkMirror } from './mirror-check.ts'
import { chooseProxy } from './proxy-rule.ts'
import type { TextEdit } from './text-edit.ts'
import { readYumDocument, type YumPart } from './yum-document.ts'
import { editPart, findLineEnding, type YumChange } from './yum-edits.ts'
import type { YumLineOptions } from './yum-lines.ts'
import { findBaseUrls, groupSections, isEnabled, isPattern, type YumDocumentSection } from './yum-sections.ts'
import { findWarnings } from './yum-warnings.ts'

/** What injecting into a configuration comes to, before it is done. */
export interface YumPlan extends Pick<Injection, 'injected' | 'unmatched' | 'warnings'> {
  /** Of the text that was read. */
  readonly edits: readonly TextEdit[]
}

/** `[main]` is the package manager's own; yum 3 puts what `[DEFAULT]` says into every section. */
const UNTOUCHED = new Set(['main', 'DEFAULT'])
const DROPPED = new Set(['mirrorlist', 'metalink'])
const DISABLE: YumChange = { set: new Map([['enabled', '0']]), drop: new Set() }
/** What only zypper writes into a section: it knows `_none_`, and takes `None` for the name of a proxy. */
const ZYPPER_KEYS = new Set(['autorefresh', 'keeppackages', 'path', 'service'])
const PINNED = /\/repos\/yum\/[^/\s]+\/\d{4}(?:-\d{2}){4}(?:\/|$)/

/** What is to become of the sections of a configuration. */
interface Decisions {
  readonly injected: { readonly facts: InjectedSection; readonly section?: YumDocumentSection }[]
  readonly unmatched: YumDocumentSection[]
  readonly pinned: YumDocumentSection[]
  /** New sections by the first part of the one they are put before. */
  readonly insertions: Map<YumPart | undefined, readonly InsertedMirror[]>
}

/**
 * The rule for yum and dnf configurations (matching is exact and by id): a section that has a mirror gets its URL as `baseurl`, loses
 * `mirrorlist` and `metalink`, and gets `proxy` by the rule for that; zypper's `path` becomes `/`, since a mirror's URL leads to its
 * repodata. `before:` directives insert sections. All else stays.
 *
 * @param text one character a byte
 * @throws {PinyonError} INJECTION_REFUSED naming line, expected, found
 */
export function planYum(
  text: string,
  map: MirrorMap,
  options: InjectOptions,
  lines: YumLineOptions = {},
): YumPlan {
  const parts = readYumDocument(text, lines)
  const sections = groupSections(parts, options.variables)
  const { injected, unmatched, pinned, insertions } = decide(sections, map, options)
  for (const { facts } of injected) checkMirror(facts)
  const changes = new Map(
    injected.flatMap(({ section, facts }) => injectMirror(facts, section?.parts ?? [], options)),
  )
  if (options.onlyMirrored === true)
    for (const part of unmatched.flatMap(({ parts }) => parts)) changes.set(part, DISABLE)
  const edits = parts.flatMap((part) => {
    const change = changes.get(part)
    const inserted = insertions.get(part) ?? []
    return [
      ...inserted.map((mirror) => insertSection(text, part, mirror, options)),
      ...(change === undefined ? [] : editPart(text, part, change)),
    ]
  })
  return {
    edits,
    injected: injected.map(({ facts }) => facts),
    unmatched: unmatched.map(({ id, line }) => ({ id, line })),
    warnings: findWarnings(sections, new Set(injected.map(({ section }) => section)), pinned, options),
  }
}

function decide(sections: readonly YumDocumentSection[], map: MirrorMap, options: InjectOptions): Decisions {
  const ids = sections.map(({ id }) => id)
  const inserted = planInsertedSections(ids, map, isTouchable)
  const decisions: Decisions = { injected: [], unmatched: [], pinned: [], insertions: new Map() }
  const { injected, unmatched, pinned, insertions } = decisions
  for (const section of sections) {
    const { id, line } = section
    const before = inserted.before.get(id) ?? []
    insertions.set(section.parts[0], before)
    for (const { id, url } of before) injected.push({ facts: { id, url, line } })
    if (!isTouchable(id)) continue
    const urls = findBaseUrls(section)
    const url = inserted.present.get(id) ?? map.mirrors.get(id)
    if (options.keepPinned === true && urls.some((url) => PINNED.test(url))) pinned.push(section)
    else if (url === undefined && isEnabled(section)) unmatched.push(section)
    else if (url !== undefined)
      injected.push({
        facts: { id, url, ...(urls[0] === undefined ? {} : { previous: urls[0] }), line },
        section,
      })
  }
  return decisions
}

function isTouchable(id: string): boolean {
  return !UNTOUCHED.has(id) && !isPattern(id)
}

/** The changes of each part of an injected section. */
function injectMirror(
  { id, url }: InjectedSection,
  parts: readonly YumPart[],
  { proxy = 'auto' }: InjectOptions,
): (readonly [YumPart, YumChange])[] {
  const isZypper = parts.some(({ keys }) => keys.some(({ key }) => ZYPPER_KEYS.has(key)))
  const value = chooseProxy(id, proxy === 'auto' && isZypper ? '_none_' : proxy)
  const set = new Map([['baseurl', encodeByteText(url)]])
  if (value !== undefined) set.set('proxy', value)
  const setWithPath = new Map([...set, ['path', '/']])
  return parts.map((part) => {
    const hasPath = part.keys.some(({ key }) => key === 'path')
    return [part, { set: hasPath ? setWithPath : set, drop: DROPPED }]
  })
}

/** Above the comments that belong to the part it is put before. */
function insertSection(
  text: string,
  part: YumPart,
  { id, url }: InsertedMirror,
  { proxy = 'auto' }: InjectOptions,
): TextEdit {
  const value = chooseProxy(id, proxy)
  const lines = [`[${id}]`, `baseurl=${url}`, ...(value === undefined ? [] : [`proxy=${value}`]), '']
  const ending = findLineEnding(text, part.top)
  const written = lines.map((line) => encodeByteText(line) + ending).join('')
  return { start: part.top, end: part.top, text: written }
}
