import { malformed } from './malformed.ts'

/** OpenPGP packets as they were found: in a block of armour, or as they are. */
export interface Block {
  /** What the armour says they are, such as `SIGNATURE` or `PUBLIC KEY BLOCK`; undefined for bytes without armour. */
  readonly label: string | undefined
  readonly packets: Buffer
}

/** Blocks in one file: a file of keys has one a key at most. */
const MAX_BLOCKS = 256

const BEGIN = /^-----BEGIN PGP ([A-Z0-9 ,/]{1,40})-----\s*$/
/** `Version: GnuPG v1`, before the empty line that ends such headers. */
const HEADER = /^[A-Za-z][A-Za-z0-9-]*: /
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * Reads OpenPGP data with or without armour (RFC 9580, section 6.2): every block of it, whatever stands between them. The checksums of old
 * armour are not looked at, as that section wants.
 * @throws PinyonError SIGNATURE_MALFORMED
 */
export function readBlocks(bytes: Buffer): Block[] {
  if (((bytes[0] ?? 0) & 0x80) !== 0) return [{ label: undefined, packets: bytes }]
  const lines = bytes.toString('latin1').split(/\r\n|\n|\r/)
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const label = BEGIN.exec(lines[at] ?? '')?.[1]
    if (label === undefined) continue
    if (label === 'SIGNED MESSAGE') return [{ label, packets: Buffer.alloc(0) }]
    const last = `-----END PGP ${label}-----`
    let end = at + 1
    while (end < lines.length && lines[end]?.startsWith(last) !== true) end += 1
    if (end === lines.length) throw malformed('armour without its end', label)
    blocks.push({ label, packets: readBody(lines.slice(at + 1, end)) })
    if (blocks.length > MAX_BLOCKS) throw malformed('more blocks of armour than', MAX_BLOCKS)
    at = end
  }
  return blocks
}

function readBody(lines: readonly string[]): Buffer {
  let first = 0
  while (HEADER.test(lines[first] ?? '')) first += 1
  const body = lines
    .slice(first)
    .map((line) => line.trim())
    .filter((line) => !/^=[A-Za-z0-9+/]{4}$/.test(line))
    .join('')
  if (!BASE64.test(body)) throw malformed('armour that is not base64', body.slice(0, 20))
  return Buffer.from(body, 'base64')
}
