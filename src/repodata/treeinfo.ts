import { parseDigest } from '../model/digest.ts'
import { normalizeHref } from '../model/href.ts'
import type { ExtraFile } from '../model/repodata.ts'

/** Of an installation tree: kernels, boot images, and images to install from. */
const MAX_FILES = 1_000
/** Some kilobytes are usual. What is longer is none: it is read where requests are answered. */
const MAX_BYTES = 256 << 10

/**
 * The files that a `.treeinfo` lists with their checksums: its section `[checksums]`, lines `path = sha256:…`. None for what is no such file.
 * repomd.xml, which some list, is left out: it is a snapshot's own.
 */
export function parseTreeinfo(bytes: Buffer): readonly ExtraFile[] {
  const files = new Map<string, ExtraFile>()
  if (bytes.length > MAX_BYTES) return []
  let section = ''
  for (const line of bytes.toString('utf8').split(/\r?\n/)) {
    section = readSection(line) ?? section
    const { name, value } = section === 'checksums' ? readKey(line) : NO_KEY
    const path = normalizeHref(name)
    const digest = parseDigest(value)
    if (path === undefined || digest === undefined || path.startsWith('repodata/')) continue
    if (files.size < MAX_FILES && !files.has(path)) files.set(path, { path, digest })
  }
  return [...files.values()]
}

const NO_KEY = { name: '', value: '' }

function readSection(line: string): string | undefined {
  const header = line.startsWith('[') ? line.trimEnd() : ''
  return header.endsWith(']') ? header.slice(1, -1) : undefined
}

/** By positions: an expression with spaces on both sides of its end takes the square of a line of spaces. */
function readKey(line: string): typeof NO_KEY {
  const at = line.indexOf('=')
  if (at < 0 || /^[#;\s]/.test(line)) return NO_KEY
  return { name: line.slice(0, at).trimEnd(), value: line.slice(at + 1).trim() }
}
