import { decodeByteText } from './byte-text.ts'
import { readYumValue, type YumKey, type YumPart } from './yum-document.ts'
import { parseYumBoolean, splitYumList, unquoteYumValue } from './yum-values.ts'
import { expandVariables } from '../model/yum-variables.ts'

/** A section with all of its parts. */
export interface YumDocumentSection {
  /** With variables put in. */
  readonly id: string
  /** Of the first header. */
  readonly line: number
  readonly parts: readonly YumPart[]
}

/** The parts of a configuration by the section they belong to, in the order of their first headers. */
export function groupSections(
  parts: readonly YumPart[],
  variables: ReadonlyMap<string, string> | undefined,
): readonly YumDocumentSection[] {
  const sections = new Map<string, YumDocumentSection & { readonly parts: YumPart[] }>()
  for (const part of parts) {
    if (part.id === undefined) continue
    const id = variables === undefined ? part.id : expandVariables(part.id, variables)
    const section = sections.get(id)
    if (section === undefined) sections.set(id, { id, line: part.line, parts: [part] })
    else section.parts.push(part)
  }
  return [...sections.values()]
}

/** Whether an id is that of no repository, but of keys by which dnf 5 overrides those of many. */
export function isPattern(id: string): boolean {
  return /[*?]/.test(id)
}

/** The line of a section that gives a key its value: the last one. */
export function findKey({ parts }: YumDocumentSection, name: string): YumKey | undefined {
  for (const part of parts.toReversed()) {
    const key = part.keys.findLast(({ key }) => key === name)
    if (key !== undefined) return key
  }
  return undefined
}

/** A key's value without quotes around it; undefined where it is not set. */
export function findValue(section: YumDocumentSection, name: string): string | undefined {
  const key = findKey(section, name)
  return key === undefined ? undefined : unquoteYumValue(decodeByteText(readYumValue(key)))
}

/** Whether a key is set to what yum and dnf take for true; false also for what is no boolean. */
export function isOn(section: YumDocumentSection, name: string): boolean {
  return parseYumBoolean(findValue(section, name) ?? '') === true
}

/** Whether a section is on, as all are that do not say otherwise. */
export function isEnabled(section: YumDocumentSection): boolean {
  return parseYumBoolean(findValue(section, 'enabled') ?? '') !== false
}

/** A section's base URLs, as written. */
export function findBaseUrls(section: YumDocumentSection): readonly string[] {
  return splitYumList(findValue(section, 'baseurl') ?? '')
}
