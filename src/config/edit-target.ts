import { isAlias, isCollection, isMap, isNode, isPair, isScalar, LineCounter, visit } from 'yaml'
import type { Document, Node, Pair, Scalar, YAMLMap } from 'yaml'
import { PinyonError } from '../model/errors.ts'
import { quote } from './describe.ts'
import { parseYaml } from './yaml.ts'

/** Uses of one anchor, and of all together, in what is read back. */
const ALIASES_MAX = 1000

/** A key and its value in a mapping of the file. */
export type Entry = Pair<Scalar, Node | null>

/** A document that parses, and what it says. */
export interface ParsedText {
  readonly text: string
  readonly document: Document
  /** Plain JavaScript, mappings as Map, nothing expanded. */
  readonly data: unknown
}

/** A mirror's entry in the text of a configuration file. */
export interface EditTarget extends ParsedText {
  readonly mirror: string
  readonly mirrors: YAMLMap
  readonly entry: Entry
}

/**
 * Parses the text of a configuration file, whose values need not be right.
 *
 * @throws {PinyonError} CONFIG_INVALID when it is not one YAML document that can be read
 */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter()
  try {
    const { document, remarks } = parseYaml(text, lines)
    const [remark] = remarks
    if (remark !== undefined)
      refuse(`line ${lines.linePos(remark.offset).line}: found ${remark.found}, expected ${remark.expected}`)
    if (document === undefined) refuse('there is no document')
    return { text, document, data: document.toJS({ mapAsMap: true, maxAliasCount: ALIASES_MAX }) as unknown }
  } catch (thrown) {
    if (thrown instanceof PinyonError) throw thrown
    // Aliases of nothing, aliases that multiply, nesting beyond the stack.
    return refuse(`it cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
}

/**
 * Finds a mirror's entry.
 *
 * @throws {PinyonError} NOT_FOUND when there is none; CONFIG_INVALID when the text does not parse, has it twice, or repeats
 * another mapping by an alias where the entry should be
 */
export function findMirror(text: string, mirror: string): EditTarget {
  const parsed = parseText(text)
  const { document } = parsed
  const root = document.contents
  const mirrors = isMap(root) ? findEntry(root, 'mirrors')?.value : undefined
  if (isAlias(mirrors)) refuse('"mirrors" is an alias of another mapping')
  const entry = isMap(mirrors) ? findEntry(mirrors, mirror) : undefined
  if (!isMap(mirrors) || entry === undefined)
    throw new PinyonError('NOT_FOUND', `no mirror of that name in the configuration file: ${quote(mirror)}`)
  return { ...parsed, mirror, mirrors, entry }
}

/**
 * The mapping that a mirror's keys are in.
 *
 * @throws {PinyonError} CONFIG_INVALID when there is none of its own, or other mirrors repeat it by an alias
 */
export function ownMapping({ mirror, entry, document }: EditTarget): YAMLMap {
  const { value } = entry
  if (isAlias(value))
    return refuse(`the mirror ${quote(mirror)} repeats another mapping by the alias ${quote(value.source)}`)
  if (!isMap(value)) return refuse(`the mirror ${quote(mirror)} is not a mapping with at least a baseurl`)
  if (value.anchor !== undefined && isRepeated(document, new Set([value.anchor]), undefined))
    refuse(`the mapping of the mirror ${quote(mirror)} is repeated elsewhere by an alias: ${value.anchor}`)
  return value
}

/** @throws {PinyonError} CONFIG_INVALID when something in an entry is repeated outside of it by an alias */
export function checkNotRepeated({ mirror, entry, document }: EditTarget): void {
  const anchors = new Set<string>()
  const collect = (_key: unknown, node: Node) => {
    if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor)
  }
  visit(entry.key, { Node: collect })
  if (isNode(entry.value)) visit(entry.value, { Node: collect })
  if (isRepeated(document, anchors, entry))
    refuse(
      `part of the mirror ${quote(mirror)} is repeated elsewhere by an alias of ${[...anchors].join(', ')}`,
    )
}

/** The only entry of a key; CONFIG_INVALID when there are two. */
export function findEntry(map: YAMLMap, key: string): Entry | undefined {
  const [entry, second] = map.items.filter((item) => isScalar(item.key) && item.key.value === key)
  if (second !== undefined) refuse(`there is a second one of the key ${quote(key)}`)
  return entry as Entry | undefined
}

/** Where the text of an entry ends, before the comments and line breaks after it. */
export function entryEnd(entry: Entry): number {
  return nodeEnd(entry.value) ?? nodeEnd(entry.key) ?? 0
}

function nodeEnd(node: unknown): number | undefined {
  if (isPair(node)) return nodeEnd(node.value) ?? nodeEnd(node.key)
  if (isCollection(node) && node.flow !== true && node.items.length > 0) return nodeEnd(node.items.at(-1))
  return isNode(node) ? node.range?.[1] : undefined
}

function isRepeated(document: Document, anchors: ReadonlySet<string>, except: Entry | undefined): boolean {
  let repeated = false
  visit(document, {
    Pair: (_key, pair) => (pair === except ? visit.SKIP : undefined),
    Alias: (_key, alias) => {
      repeated ||= anchors.has(alias.source)
    },
  })
  return repeated
}

/** Refuses to edit a text, for a reason. */
export function refuse(reason: string): never {
  throw new PinyonError('CONFIG_INVALID', `the configuration file cannot be edited: ${reason}`)
}
