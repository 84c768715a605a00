import { digestHex, digestOf } from '../../src/model/digest.ts'

/** A metalink to be written. */
export interface MetalinkText {
  /** The first is the main entry, the others its alternates. */
  readonly repomds: readonly { readonly bytes: Buffer; readonly timestamp?: number }[]
  readonly urls: readonly (
    string | { readonly url: string; readonly preference?: number; readonly priority?: number }
  )[]
}

/** Metalink 3 in the form of MirrorManager. */
export function formatMetalink({ repomds, urls }: MetalinkText): string {
  const entries = repomds.map(
    ({ bytes, timestamp = 1 }) => `<mm0:timestamp>${timestamp}</mm0:timestamp>
   <size>${bytes.length}</size>
   <verification>${formatHashes(bytes, ['md5', 'sha1', 'sha256', 'sha512'])}</verification>`,
  )
  const [main = '', ...alternates] = entries
  const listed = alternates.map((entry) => `<mm0:alternate>\n${entry}\n</mm0:alternate>`).join('\n')
  const resources = urls.map((one) => {
    const { url, preference = 100 } = typeof one === 'string' ? { url: one } : one
    const protocol = url.slice(0, url.indexOf(':'))
    return `<url protocol="${protocol}" type="${protocol}" location="DE" preference="${preference}">${url}</url>`
  })
  return `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
   ${main}
   <mm0:alternates>${listed}</mm0:alternates>
   <resources maxconnections="1">
${resources.join('\n')}
   </resources>
  </file>
 </files>
</metalink>
`
}

/** Metalink 4 (RFC 5854), which knows no alternates. */
export function formatMetalink4({ repomds, urls }: MetalinkText): string {
  const [{ bytes } = { bytes: Buffer.of() }] = repomds
  const resources = urls.map((one) => {
    const { url, priority } = typeof one === 'string' ? { url: one, priority: undefined } : one
    return `<url location="de"${priority === undefined ? '' : ` priority="${priority}"`}>${url}</url>`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink">
 <published>2026-01-01T00:00:00Z</published>
 <file name="repomd.xml">
  <size>${bytes.length}</size>
  <hash type="sha-256">${digestHex(digestOf(bytes))}</hash>
  ${resources.join('\n  ')}
 </file>
</metalink>
`
}

function formatHashes(bytes: Buffer, types: readonly ('md5' | 'sha1' | 'sha256' | 'sha512')[]): string {
  return types.map((type) => `<hash type="${type}">${digestHex(digestOf(bytes, type))}</hash>`).join('\n')
}
