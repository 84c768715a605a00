import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { createDigest } from '../../src/model/digest.ts'
import { normalizePackageHref } from '../../src/model/href.ts'
import { isSourceRpm } from '../../src/model/source-package.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'

interface Element {
  readonly [name: string]: string | readonly Element[] | undefined
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  alwaysCreateTextNode: true,
  isArray: (_name, _path, _isLeaf, isAttribute) => !isAttribute,
  // Without this it leaves character references as they are.
  htmlEntities: true,
  // Otherwise it gives up on documents with many references, even to the five entities XML knows.
  processEntities: { enabled: true, maxTotalExpansions: 1e9, maxExpandedLength: 1e9 },
})

function children(element: Element | undefined, name: string): readonly Element[] {
  return (element?.[name] ?? []) as readonly Element[]
}

function text(element: Element | undefined): string {
  return ((element?.['#text'] ?? '') as string).replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
}

function attribute(element: Element | undefined, name: string): string | undefined {
  return element?.[`@${name}`] as string | undefined
}

function readPackage(element: Element): PackageRecord | undefined {
  const child = (name: string) => children(element, name)[0]
  const href = normalizePackageHref(attribute(child('location'), 'href') ?? '')
  if (href === undefined) return undefined
  const checksum = createDigest(attribute(child('checksum'), 'type') ?? '', text(child('checksum')))
  if (checksum === undefined) throw new Error('the oracle was given a package without a usable checksum')
  const size = attribute(child('size'), 'package')
  const base = attribute(child('location'), 'base')
  const source = text(children(child('format'), 'sourcerpm')[0])
  return {
    href,
    checksum,
    name: text(child('name')),
    epoch: attribute(child('version'), 'epoch') || '0',
    version: attribute(child('version'), 'ver') ?? '',
    release: attribute(child('version'), 'rel') ?? '',
    arch: text(child('arch')),
    ...(size !== undefined && { size: Number(size) }),
    ...(base && { base }),
    ...(isSourceRpm(source) && { source }),
  }
}

/**
 * The packages of a whole, well-formed primary.xml as fast-xml-parser reads it, without those whose href leaves the repository.
 * Throws when fast-xml-parser takes the document for malformed.
 */
export function readByOracle(document: string): PackageRecord[] {
  const valid = XMLValidator.validate(document)
  if (valid !== true) throw new Error(`line ${valid.err.line}: ${valid.err.msg}`)
  const root = children(parser.parse(document) as Element, 'metadata')[0]
  return children(root, 'package')
    .map(readPackage)
    .filter((record) => record !== undefined)
}
