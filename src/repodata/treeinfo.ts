import { parseDigest } from '../model/digest.ts'
import { normalizeHref } from '../model/href.ts'
import type { ExtraFile } from '../model/repodata.ts'

/** Of an installation tree: kernels, boot images, and images to install from. */
const MAX_FILES = 1_000

/**
 * The files that a `.treeinfo` lists with their checksums: its section `[checksums]`, lines `path = sha256:…`. None for what is no such file.
 * repomd.xml, which some list, is left out: it is a snapshot's own.
 */
export function parseTreeinfo(bytes: Buffer): readonly ExtraFile[] {
  const files = new Map<string, ExtraFile>()
  let section = ''
  for (const line of bytes.toString('utf8').split(/\r?\n/)) {
    section = /^\[(.*)\]\s*$/.exec(line)?.[1] ?? section
    const [, name = '', value = ''] = /^([^#;=\s][^=]*?)\s*=\s*(\S+)\s*$/.exec(line) ?? []
    const path = section === 'checksums' ? normalizeHref(name) : undefined
    const digest = parseDigest(value)
    if (path === undefined || digest === undefined || path.startsWith('repodata/')) continue
    if (files.size < MAX_FILES && !files.has(path)) files.set(path, { path, digest })
  }
  return [...files.values()]
}
