import { isAlias, isCollection, isMap, isNode, isScalar, isSeq, LineCounter } from 'yaml'
import type { Alias, Document, Node, Scalar, YAMLMap } from 'yaml'
import { describeKey, describeNode, quote, quoteSecret } from './describe.ts'
import { expandEnvironment, readPlain } from './environment.ts'
import { DEPTH_MAX, tooDeep, type Remark } from './limits.ts'
import type { ConfigProblem } from './problem.ts'
import { SECRET_KEYS, TEXT_KEYS } from './schema-access.ts'
import { Comments } from './why.ts'
import { parseYaml } from './yaml.ts'

/** Keys and indexes from the root to a value. */
export type KeyPath = readonly PropertyKey[]

/** Uses of one anchor, and of all together: enough for the largest farm, too few for a bomb. */
const ALIASES_MAX = 1000

/** Stands for the text of a string that could not be expanded, and has its problem already. */
const NOT_EXPANDED = Symbol('not expanded')

/** Stands for what is found where it may be a secret. */
const HIDDEN = 'something else'

/** A place in the file, ready to become a problem. */
interface Located {
  readonly key: Scalar | undefined
  readonly node: Node | null | undefined
  /** The path to it in the file, which may be shorter than the one in the value. */
  readonly path: KeyPath
}

/** A YAML document with its environment references expanded, that knows the line of everything in it. */
export class ConfigDocument {
  /** What is wrong with the document itself: syntax, repeated keys, references. */
  readonly problems: ConfigProblem[] = []
  /** The document as plain JavaScript; undefined when it cannot be known because of the problems. */
  readonly value: unknown
  readonly #file: string
  readonly #text: string
  readonly #env: NodeJS.ProcessEnv
  readonly #lines = new LineCounter()
  readonly #document: Document | undefined
  /** Expanded strings as they were written. */
  readonly #written = new Map<Scalar, string | typeof NOT_EXPANDED>()
  /** Anchors of nodes that are complete, which an alias may thus repeat. */
  readonly #anchors = new Set<string>()
  #aliases = 0
  /** Read when first asked for. */
  #comments: Comments | undefined
  #lastAlias: Alias | undefined
  /** Whether it must not become JavaScript: too deep, or aliases of nothing. */
  #unusable = false

  /**
   * @param file the name for problems
   * @param text YAML 1.2, core schema, one document; hostile text only leads to problems
   */
  constructor(file: string, text: string, env: NodeJS.ProcessEnv) {
    this.#file = file
    this.#text = text
    this.#env = env
    const { document, remarks } = parseYaml(text, this.#lines)
    for (const remark of remarks) this.#remark(remark)
    this.#document = document
    this.value = remarks.length > 0 ? undefined : this.#read(document)
  }

  /** A problem at the value of a path, or at the nearest key above it when there is none; nothing where one is known already. */
  refuseValue(path: KeyPath, expected: string): void {
    const { key, node, path: place } = this.#locate(path)
    const written = isScalar(node) ? this.#written.get(node) : undefined
    if (written === NOT_EXPANDED) return
    this.#refuse(place, node ?? key, describeNode(node, written), expected)
  }

  /** As {@link refuseValue}, where it may be a secret: not a word is said of what stands there. */
  refuseHidden(path: KeyPath, expected: string): void {
    const { key, node, path: place } = this.#locate(path)
    if (isScalar(node) && this.#written.get(node) === NOT_EXPANDED) return
    this.#refuse(place, node ?? key, HIDDEN, expected)
  }

  /** A problem with the file that a value names, itself or as its `file`. */
  refuseFile(path: KeyPath, expected: string): void {
    const file = [...path, 'file']
    const { node } = this.#locate(file)
    if (node !== undefined && node !== null && isMap(this.#locate(path).node))
      this.refuseValue(file, expected)
    else if (SECRET_KEYS.has(path.at(-1) ?? '')) this.refuseHidden(path, expected)
    else this.refuseValue(path, expected)
  }

  /** A problem at the key that a path ends in. */
  refuseKey(path: KeyPath, found: string, expected: string): void {
    this.#refuse(path, this.#locate(path).key, found, expected)
  }

  /** The line of the value of a path, 1-based, and the comment about it: beside it, else directly above its key. */
  describePlace(path: KeyPath): { readonly line: number; readonly comment?: string } {
    const { key, node } = this.#locate(path)
    const keyLine = this.#lines.linePos(key?.range?.[0] ?? 0).line
    const line = node?.range ? this.#lines.linePos(node.range[0]).line : keyLine
    this.#comments ??= new Comments(this.#text)
    const comment = this.#comments.about(keyLine, line)
    return comment === undefined ? { line } : { line, comment }
  }

  #read(document: Document | undefined): unknown {
    this.#walk(document?.contents, [])
    if (this.#unusable) return undefined
    try {
      return document?.toJS({ maxAliasCount: ALIASES_MAX })
    } catch (thrown) {
      if (!(thrown instanceof ReferenceError)) throw thrown
      // The library does not say which one was too much.
      this.#refuse([], this.#lastAlias, 'aliases of aliases that multiply', 'a plain configuration file')
      return undefined
    }
  }

  #walk(node: unknown, path: KeyPath): void {
    if (isAlias(node)) this.#checkAlias(node, path)
    else if (isScalar(node) && typeof node.value === 'string') this.#expand(node as Scalar<string>, path)
    else if (isCollection(node) && path.length >= DEPTH_MAX) {
      this.#unusable = true
      this.#remark(tooDeep(node.range?.[0] ?? 0))
    } else if (isMap(node)) this.#walkMap(node, path)
    else if (isSeq(node)) node.items.forEach((item, index) => this.#walk(item, [...path, index]))
    if (!isAlias(node) && isNode(node) && node.anchor !== undefined) this.#anchors.add(node.anchor)
  }

  #checkAlias(alias: Alias, path: KeyPath): void {
    this.#aliases += 1
    this.#lastAlias = alias
    const known = this.#anchors.has(alias.source)
    if (known && this.#aliases !== ALIASES_MAX + 1) return
    this.#unusable = true
    const found = known ? `more than ${ALIASES_MAX} aliases` : `the alias ${quote(alias.source)}`
    this.#refuse(path, alias, found, known ? 'fewer' : 'an anchor of that name above it')
  }

  #walkMap(map: YAMLMap, path: KeyPath): void {
    const lines = new Map<string, number>()
    for (const { key, value } of map.items) {
      // The parser has refused every key that is no string.
      const name = String((key as Scalar).value)
      const inner = [...path, name]
      const offset = (key as Scalar).range?.[0] ?? 0
      const { line } = this.#lines.linePos(offset)
      const first = lines.get(name)
      if (first !== undefined)
        this.#report(inner, offset, 'a second one', `only one (the first is on line ${first})`)
      else lines.set(name, line)
      if (isScalar(key) && key.anchor !== undefined) this.#anchors.add(key.anchor)
      this.#walk(value, inner)
    }
  }

  #expand(scalar: Scalar<string>, path: KeyPath): void {
    if (!scalar.value.includes('${')) return
    const written = scalar.value
    const expansion = expandEnvironment(written, this.#env)
    if ('expected' in expansion) {
      this.#refuse(path, scalar, quoteSecret(written), expansion.expected)
      this.#written.set(scalar, NOT_EXPANDED)
      return
    }
    this.#written.set(scalar, written)
    // A password of digits is none of them less.
    const isText = TEXT_KEYS.has(path.at(-1) ?? '')
    const untyped = scalar.type === 'PLAIN' && scalar.tag === undefined && !isText
    ;(scalar as Scalar).value = untyped ? readPlain(expansion.text) : expansion.text
  }

  #locate(path: KeyPath): Located {
    let node: Node | null | undefined = this.#document?.contents
    let key: Scalar | undefined
    for (const [index, part] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document as Document)
      // A list of one may be written without the list.
      if (isScalar(node) && typeof part === 'number') return { key, node, path: path.slice(0, index) }
      if (isMap(node)) {
        const pair = node.items.findLast((item) => isScalar(item.key) && item.key.value === part)
        if (pair === undefined) return { key, node: undefined, path }
        key = pair.key as Scalar
        node = pair.value as Node | null
      } else node = isSeq(node) ? (node.items[part as number] as Node | undefined) : undefined
    }
    return { key, node: isAlias(node) ? (node.resolve(this.#document as Document) ?? node) : node, path }
  }

  #remark({ offset, found, expected }: Remark): void {
    this.#report([], offset, found, expected)
  }

  #refuse(path: KeyPath, at: Node | undefined, found: string, expected: string): void {
    this.#report(path, at?.range?.[0], found, expected)
  }

  #report(path: KeyPath, offset: number | undefined, found: string, expected: string): void {
    const place = offset === undefined ? {} : this.#place(offset)
    const secret = findSecret(path)
    const key = describeKey(secret === undefined ? path : path.slice(0, secret + 1))
    const isHidden = secret !== undefined || (path.length === 0 && this.#isBesideSecret(offset))
    this.problems.push({ file: this.#file, ...place, key, found: isHidden ? HIDDEN : found, expected })
  }

  /** Whether what the parser has to say is of the line of a secret, of which it might quote some. */
  #isBesideSecret(offset: number | undefined): boolean {
    if (offset === undefined) return false
    const start = this.#text.lastIndexOf('\n', offset - 1) + 1
    const line = this.#text.slice(start).split('\n', 1)[0] ?? ''
    return [...SECRET_KEYS].some((key) => line.includes(String(key)))
  }

  #place(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset)
    return { line, column: col }
  }
}

/** Where in a path the key of a mirror's secret is, of which not even the names within may be told; undefined when it is of none, or of its file. */
function findSecret(path: KeyPath): number | undefined {
  const [section, , key, inner] = path
  const isSecret = section === 'mirrors' && SECRET_KEYS.has(key ?? '')
  return isSecret && !(inner === 'file' && path.length === 4) ? 2 : undefined
}
