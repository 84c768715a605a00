const BEGIN_KEY = '-----BEGIN PGP PUBLIC KEY BLOCK-----'
const END_KEY = '-----END PGP PUBLIC KEY BLOCK-----'

/** An OpenPGP packet of a public key, in the old and in the new format (RFC 9580 §4.2): the first one of a transferable public key (§10.1). */
const PUBLIC_KEY_TAG = 6

/**
 * What is wrong with a file of OpenPGP public keys in ASCII armor (RFC 9580 §6.2), one block or several with any text between them; undefined
 * when it can be handed out. A private key, or armor of any other kind, cannot.
 */
export function refuseArmoredKeys(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  let block: string[] | undefined
  let blocks = 0
  for (const written of text.split('\n')) {
    const line = written.trimEnd()
    if (block === undefined) {
      if (!line.startsWith('-----')) continue
      if (line !== BEGIN_KEY) return 'it holds armor of something else than a public key'
      block = []
    } else if (line === END_KEY) {
      if (!beginsWithPublicKey(block)) return 'a block of it is no public key'
      block = undefined
      blocks += 1
    } else if (line.startsWith('-----')) return 'a block of it has no end'
    else block.push(line)
  }
  if (block !== undefined) return 'a block of it has no end'
  return blocks === 0 ? 'it holds no armored key' : undefined
}

function beginsWithPublicKey(lines: readonly string[]): boolean {
  // Headers, if any, end with a blank line; what follows is base64, and perhaps a checksum that begins with `=`.
  const data = lines.slice(lines.indexOf('') + 1).filter((line) => line !== '' && !line.startsWith('='))
  if (data.length === 0 || !data.every((line) => /^[A-Za-z0-9+/]+={0,2}$/.test(line))) return false
  const [first = 0] = Buffer.from(data[0] ?? '', 'base64')
  const isNewFormat = (first & 0xc0) === 0xc0
  return (first & 0x80) !== 0 && (isNewFormat ? first & 0x3f : (first >> 2) & 0x0f) === PUBLIC_KEY_TAG
}
