import { createDigest, DIGEST_ALGORITHMS, type Digest } from '../model/digest.ts'
import { normalizeHref } from '../model/href.ts'
import type { ExtraFile } from '../model/repodata.ts'

/** Of one list: SUSE's media have some hundred. */
const MAX_FILES = 10_000
/** A checksum of SHA-1 in hex digits. */
const SHORTEST_LINE = 40

/**
 * The files that a list of checksums names: `HEX  path` or `HEX *path` as coreutils write it (SUSE's CHECKSUMS, SHA256SUMS), or `SHA256 (path) = HEX` as BSD
 * does (Fedora's CHECKSUM). Whatever else stands there, such as an OpenPGP signature around it, is passed over. MD5 counts for nothing.
 */
export function parseChecksumList(bytes: Buffer): readonly ExtraFile[] {
  const files = new Map<string, ExtraFile>()
  for (const line of bytes.toString('utf8').split(/\r?\n/)) {
    // Two megabytes of empty lines cost nothing so.
    if (line.length < SHORTEST_LINE) continue
    const found = readCoreutils(line) ?? readBsd(line)
    const path = found && normalizeHref(found.path)
    if (found === undefined || path === undefined || path.startsWith('repodata/')) continue
    if (files.size < MAX_FILES && !files.has(path)) files.set(path, { path, digest: found.digest })
  }
  return [...files.values()]
}

interface Line {
  readonly path: string
  readonly digest: Digest
}

function readCoreutils(line: string): Line | undefined {
  const [, hex = '', path = ''] = /^([0-9a-fA-F]{40,128}) [ *](\S.*)$/.exec(line) ?? []
  const digest = DIGEST_ALGORITHMS.flatMap((algorithm) => createDigest(algorithm, hex) ?? [])[0]
  return digest && { path, digest }
}

function readBsd(line: string): Line | undefined {
  const [, algorithm = '', path = '', hex = ''] = /^(SHA\d+) \(([^()]+)\) = ([0-9a-fA-F]+)$/.exec(line) ?? []
  const digest = createDigest(algorithm, hex)
  return digest && { path, digest }
}
