import assert from 'node:assert/strict'

import { parseDigest } from '../../src/model/digest.ts'
import { normalizeHref } from '../../src/model/href.ts'
import { parseChecksumList } from '../../src/repodata/checksum-list.ts'
import { parseDeltas } from '../../src/repodata/deltas.ts'
import { MAX_INDEX_ENTRIES, parseDirectoryIndex } from '../../src/repodata/directory-index.ts'
import { PinyonError } from '../../src/model/errors.ts'
import type { ExtraFile } from '../../src/model/repodata.ts'
import { parseTreeinfo } from '../../src/repodata/treeinfo.ts'
import { kindOf, type FuzzTarget } from './target.ts'

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
    return checkFiles(parseChecksumList(input))
  },
}

/** `.treeinfo`: the same. */
export const TREEINFO: FuzzTarget = {
  name: '.treeinfo',
  seeds: [
    `[general]\nfamily = F\n[checksums]\nimages/boot.iso = sha256:${HEX}\nb=sha1:${HEX.slice(0, 40)}\n; a\n`,
    `[checksums]\r\n a = sha256:${HEX}\r\n[ x ]  \n`,
  ],
  words: [
    HEX,
    'sha256:',
    'sha1:',
    '[checksums]',
    '[',
    ']',
    ' = ',
    '=',
    '\n',
    '\r\n',
    ' ',
    '\t',
    '../',
    '/',
    ';',
  ],
  check: (input) => checkFiles(parseTreeinfo(input)),
}

/** Lists of delta rpms: the same, or a refusal. */
export const DELTAS: FuzzTarget = {
  name: 'delta rpms',
  seeds: [
    `<?xml version="1.0"?>\n<prestodelta><newpackage name="a"><delta><filename>d/a.drpm</filename><size>7</size><checksum type="sha256">${HEX}</checksum></delta></newpackage></prestodelta>`,
    `<deltainfo xmlns="x"><newpackage><delta><filename><![CDATA[b]]></filename><checksum type='sha'>${HEX.slice(0, 40)}</checksum></delta></newpackage></deltainfo>`,
  ],
  words: [
    '<delta>',
    '</delta>',
    '<newpackage>',
    '</newpackage>',
    '<filename>',
    '</filename>',
    '<checksum type="sha256">',
    '</checksum>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?',
    '?>',
    '<!DOCTYPE',
    '&amp;',
    '&#0;',
    '../',
    HEX,
  ],
  check: (input) => {
    try {
      return checkFiles(parseDeltas(input), false)
    } catch (error) {
      assert.ok(error instanceof PinyonError && error.code === 'REPODATA_MALFORMED', String(error))
      return kindOf(error.message)
    }
  },
}

function checkFiles(files: readonly ExtraFile[], isBeside = true): string {
  for (const { path, digest } of files) {
    assert.equal(normalizeHref(path), path)
    assert.equal(parseDigest(digest), digest)
    assert.ok(!isBeside || !path.startsWith('repodata/'))
  }
  return `${Math.min(files.length, 5)} files`
}
