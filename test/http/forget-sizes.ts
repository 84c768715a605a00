import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { FIRST_REVISION, writeRepodata } from '../support/repodata-files.ts'

/** Writes a repository's metadata anew, with a primary that states no package sizes, as some generators' does. */
export function forgetSizes(root: string): void {
  const repomd = readFileSync(join(root, 'repodata/repomd.xml'), 'utf8')
  const href = /<location href="([^"]*primary\.xml\.gz)"/.exec(repomd)?.[1] ?? ''
  const content = gunzipSync(readFileSync(join(root, href)))
    .toString()
    .replaceAll(/<size [^>]*\/>/g, '')
  writeRepodata(root, [{ type: 'primary', content }], { revision: FIRST_REVISION })
}
