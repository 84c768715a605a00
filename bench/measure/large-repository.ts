import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

import { createLargePrimary } from '../large-primary.ts'
import type { Fixtures } from './fixtures.ts'

/** A repository as large as Fedora's: its metadata, without packages. */
export const LARGE_PACKAGES = 65_000

/** The directory of one. Generation 1 has a hundred packages in another release than generation 0. */
export function getLargeRepository(
  fixtures: Fixtures,
  generation: number,
  packages = LARGE_PACKAGES,
): Promise<string> {
  return fixtures.get(`large-${packages}-${generation}`, (dir) => writeRepository(dir, packages, generation))
}

/** Its primary, from the repository's directory on. */
export function primaryPath(generation: number): string {
  return `repodata/${generation}-primary.xml.gz`
}

async function writeRepository(dir: string, packages: number, generation: number): Promise<void> {
  mkdirSync(join(dir, 'repodata'), { recursive: true })
  const href = primaryPath(generation)
  const file = join(dir, href)
  const open = createHash('sha256')
  let openSize = 0
  async function* hashed(): AsyncGenerator<Buffer> {
    for (const piece of createLargePrimary({ packages, generation })) {
      const bytes = Buffer.from(piece)
      open.update(bytes)
      openSize += bytes.length
      yield bytes
    }
  }
  await pipeline(Readable.from(hashed()), createGzip(), createWriteStream(file))
  writeFileSync(
    join(dir, 'repodata/repomd.xml'),
    `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>${generation}</revision><data type="primary">
<checksum type="sha256">${await hashFile(file)}</checksum><open-checksum type="sha256">${open.digest('hex')}</open-checksum>
<location href="${href}"/><size>${statSync(file).size}</size><open-size>${openSize}</open-size>
</data></repomd>\n`,
  )
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
