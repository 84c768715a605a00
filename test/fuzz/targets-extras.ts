import assert from 'node:assert/strict'

import { parseDigest } from '../../src/model/digest.ts'
import { normalizeHref } from '../../src/model/href.ts'
import { parseChecksumList } from '../../src/repodata/checksum-list.ts'
import { MAX_INDEX_ENTRIES, parseDirectoryIndex } from '../../src/repodata/directory-index.ts'
import type { FuzzTarget } from './target.ts'

const HEX = 'a'.repeat(64)

/** Indexes of directories: only names of files in that directory. */
export const DIRECTORY_INDEXES: FuzzTarget = {
  name: 'directory indexes',
  seeds: [
    '<html><title>Index of /x/</title><a href="../">../</a><a href="LICENSE">LICENSE</a></html>',
    "<a href='/x/RPM-GPG-KEY-a%20b'>",
    '[{"name":"a","type":"file"},{"name":"b","type":"directory"}]',
  ],
  words: [
    '<a ',
    'href=',
    '"',
    "'",
    '>',
    '%2e',
    '%2f',
    '../',
    './',
    '/x/',
    '?',
    '#',
    '&amp;',
    '\0',
    '\u0130',
    '"type":"file"',
  ],
  check: (input) => {
    const names = parseDirectoryIndex(input, '/x/')
    if (names === undefined) return 'no index'
    assert.ok(names.length <= MAX_INDEX_ENTRIES && new Set(names).size === names.length)
    for (const name of names) assert.ok(!name.includes('/') && name !== '..' && normalizeHref(name) === name)
    return `${Math.min(names.length, 5)} names`
  },
}

/** Lists of checksums: only paths below the repository, only digests that can be compared. */
export const CHECKSUM_LISTS: FuzzTarget = {
  name: 'checksum lists',
  seeds: [`${HEX}  boot/linux\n${HEX} *EULA\n`, `SHA256 (a.iso) = ${HEX}\n`],
  words: [HEX, HEX.slice(0, 40), '  ', ' *', 'SHA256 (', ') = ', '\n', '\r\n', '../', '/', 'repodata/', '\0'],
  check: (input) => {
    const files = parseChecksumList(input)
    for (const { path, digest } of files) {
      assert.equal(normalizeHref(path), path)
      assert.equal(parseDigest(digest), digest)
      assert.ok(!path.startsWith('repodata/'))
    }
    return `${Math.min(files.length, 5)} files`
  },
}
