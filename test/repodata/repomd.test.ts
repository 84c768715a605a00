import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Repomd } from '../../src/model/repodata.ts'
import { parseRepomd, repomdFingerprint } from '../../src/repodata/repomd.ts'
import { findRealFiles, NEEDS_REAL_FILES, realFile } from './real-files.ts'

const hex = (digit: string) => digit.repeat(64)

interface RecordOptions {
  readonly open?: string | undefined
  readonly href?: string
  readonly extra?: string
}

function record(type: string, checksum: string, { open, href, extra = '' }: RecordOptions = {}): string {
  const openChecksum = open === undefined ? '' : `<open-checksum type="sha256">${hex(open)}</open-checksum>`
  return `<data type="${type}"><checksum type="sha256">${hex(checksum)}</checksum>${openChecksum}
    <location href="${href ?? `repodata/${type}-${checksum}`}"/>${extra}</data>`
}

function repomd(content: string): Buffer {
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">${content}</repomd>`)
}

function refusal(message: RegExp): { code: string; message: RegExp } {
  return { code: 'REPODATA_MALFORMED', message }
}

describe('what a repomd.xml gives', () => {
  test('all of a record', () => {
    const extra =
      '<timestamp>1</timestamp><size> 20 </size><open-size>200</open-size><database_version>10</database_version>'
    const parsed = parseRepomd(
      repomd(`<revision>1700000000</revision>
        <tags><content>binary</content><distro cpeid="cpe:/o:a:b">A &amp; B</distro><repo>&#114;</repo></tags>
        ${record('primary', 'a', { open: 'b', extra })}<unknown><data/></unknown>`),
    )
    assert.deepEqual(parsed, {
      revision: '1700000000',
      newestTimestamp: 1,
      tags: ['content=binary', 'distro cpe:/o:a:b=A & B', 'repo=r'],
      records: [
        {
          type: 'primary',
          href: 'repodata/primary-a',
          checksum: `sha256:${hex('a')}`,
          openChecksum: `sha256:${hex('b')}`,
          size: 20,
          openSize: 200,
        },
      ],
    } satisfies Repomd)
  })

  test('the least an old one has: sha, a base, no sizes', () => {
    const data = `<data type='primary'><location xml:base='http://a/' href='./repodata//primary.xml.gz'/>
      <checksum type='sha'> ${'A'.repeat(40)}
      </checksum></data>`
    assert.deepEqual(parseRepomd(repomd(data)), {
      tags: [],
      records: [{ type: 'primary', href: 'repodata/primary.xml.gz', checksum: `sha1:${'a'.repeat(40)}` }],
    })
  })

  test('prefixes, CDATA, comments, a byte order mark', () => {
    const document = `\ufeff<?xml version="1.0"?><!-- x --><r:repomd xmlns:r="http://linux.duke.edu/metadata/repo">
      <r:data type="other"><r:checksum type="sha256"><![CDATA[${hex('c')}]]></r:checksum><!-- y -->
      <r:location href="a&#43;b"/></r:data></r:repomd>`
    const records = [{ type: 'other', href: 'a+b', checksum: `sha256:${hex('c')}` }]
    assert.deepEqual(parseRepomd(Buffer.from(document)), { tags: [], records })
  })

  test('no records, or many references', () => {
    assert.deepEqual(parseRepomd(repomd('')).records, [])
    const tag = parseRepomd(repomd(`<tags><repo>${'&amp;'.repeat(5000)}</repo></tags>`)).tags[0]
    assert.equal(tag, `repo=${'&'.repeat(5000)}`)
  })

  test('two records of one file that agree', () => {
    const two = record('a', 'd', { href: 'x' }) + record('b', 'd', { href: 'x' })
    assert.equal(parseRepomd(repomd(two)).records.length, 2)
  })
})

describe('what is refused', () => {
  const good = record('primary', 'a')
  const cases: [string, Buffer, RegExp][] = [
    ['nothing', Buffer.alloc(0), /: 0 bytes that are no XML$/],
    ['text', Buffer.from('Service Unavailable'), /: 19 bytes that are no XML$/],
    ['a login page', Buffer.from('\n<!DOCTYPE html>\n<html></html>'), /an HTML page of 30 bytes$/],
    ['another login page', Buffer.from('<html><head></head></html>'), /an HTML page of 26 bytes$/],
    [
      'declared entities',
      Buffer.from(`<!DOCTYPE r [<!ENTITY a "b">]><repomd/>`),
      /a document type declaration, in \d+ bytes$/,
    ],
    ['another root', Buffer.from('<?xml version="1.0"?><metadata/>'), /expected <repomd>, found <metadata>$/],
    ['a repomd inside another root', Buffer.from('<a><repomd/></a>'), /expected <repomd>, found <a>$/],
    ['cut short', repomd(good).subarray(0, -3), /not well-formed XML, line/],
    ['cut between records', repomd(good).subarray(0, -9), /not well-formed XML, line/],
    ['not UTF-8', Buffer.from('<repomd>\u00ff</repomd>', 'latin1'), /not UTF-8/],
    [
      'another encoding',
      Buffer.from('<?xml version="1.0" encoding="koi8-r"?><repomd/>'),
      /not supported: "koi8-r"$/,
    ],
    ['too large', Buffer.alloc(1024 * 1024 + 1, '<'), /larger than 1048576 bytes: 1048577$/],
    ['a record without type', repomd(good.replace(' type="primary"', '')), /a record without type$/],
    [
      'a record without location',
      repomd(good.replace(/<location.*?>/, '')),
      /record "primary": no location$/,
    ],
    [
      'a record without checksum',
      repomd(good.replace(/<checksum.*<\/checksum>/, '')),
      /"primary": no checksum$/,
    ],
    ['an unknown checksum', repomd(good.replace('sha256', 'crc32')), /unusable checksum: "crc32:a+"$/],
    ['a short checksum', repomd(good.replace('aaaa', '')), /unusable checksum: "sha256:a+"$/],
    [
      'two checksums of one file',
      repomd(record('a', 'a', { href: 'x' }) + record('b', 'b', { href: './x' })),
      /two checksums for "x": sha256:a+ and sha256:b+$/,
    ],
  ]
  for (const [what, bytes, message] of cases) {
    test(what, () => assert.throws(() => parseRepomd(bytes), refusal(message)))
  }
  for (const href of [
    '../primary.xml',
    'a/../../b',
    'a/..',
    '/etc/passwd',
    'http://a/b',
    'a&#10;b',
    'a\\b',
    '.',
  ]) {
    test(`location ${href}`, () => {
      const bytes = repomd(record('primary', 'a', { href }))
      assert.throws(() => parseRepomd(bytes), refusal(/record "primary": location leaves the repository: "/))
    })
  }
})

function print(content: string): string {
  return repomdFingerprint(parseRepomd(repomd(content)))
}

/** Of a real repository's folder. */
function printReal(folder: string): string {
  return repomdFingerprint(parseRepomd(readFileSync(realFile(`${folder}/repodata/repomd.xml`))))
}

describe('fingerprint', () => {
  const base = print(record('primary', 'a', { open: '1' }) + record('group', 'b'))

  const equal: [string, string][] = [
    ['another order', record('group', 'b') + record('primary', 'a', { open: '1' })],
    ['another compression', record('primary', 'c', { open: '1', href: 'x.zst' }) + record('group', 'b')],
    [
      'times, sizes, revision',
      `<revision>9</revision>${record('primary', 'a', {
        open: '1',
        extra: '<timestamp>9</timestamp><size>9</size><open-size>9</open-size>',
      })}${record('group', 'b')}`,
    ],
    ...['db', 'zck', 'gz', 'xz', 'zst', 'bz2'].map((suffix): [string, string] => [
      `primary_${suffix} besides`,
      record('primary', 'a', { open: '1' }) +
        record('group', 'b') +
        record(`primary_${suffix}`, 'd', { open: '5' }),
    ]),
  ]
  for (const [what, content] of equal) test(`${what}: the same`, () => assert.equal(print(content), base))

  const primary = record('primary', 'a', { open: '1' })
  const different: [string, string][] = [
    ['content', record('primary', 'a', { open: '2' }) + record('group', 'b')],
    ['a file whose open checksum is not stated', primary + record('group', 'c')],
    ['a record less', primary],
    ['a record more', primary + record('group', 'b') + record('modules', 'd')],
    ['another type', primary + record('comps', 'b')],
    ['contents exchanged', record('group', 'a', { open: '1' }) + record('primary', 'b')],
    ['an encoding of what is not there', primary + record('group', 'b') + record('other_zck', 'd')],
    ['a tag', `<tags><distro>x</distro></tags>${primary}${record('group', 'b')}`],
  ]
  for (const [what, content] of different)
    test(`${what}: another`, () => assert.notEqual(print(content), base))
})

test('every real repomd.xml is read, but the broken one', NEEDS_REAL_FILES, () => {
  const paths = findRealFiles('**/*repomd.xml').filter((path) => !path.includes('broken-xml'))
  assert.ok(paths.length >= 60, `${paths.length} found`)
  for (const path of paths) {
    const bytes = readFileSync(realFile(path))
    const stated = bytes.toString().match(/<data /g)?.length
    assert.equal(parseRepomd(bytes).records.length, stated, path)
  }
  const broken = readFileSync(realFile('createrepo_c-broken-xml/missing_type-repomd.xml'))
  assert.throws(() => parseRepomd(broken), refusal(/a record without type$/))
})

test('generations of a real repository differ, and what only copies one does not', NEEDS_REAL_FILES, () => {
  const generations = findRealFiles('rpmsphere-noarch/*').map(printReal)
  assert.equal(new Set(generations).size, generations.length)
  assert.equal(printReal('librepo-mock-02'), printReal('librepo-yum_02'))
})

test('a mebibyte of whatever costs the thread that answers requests little', () => {
  const MEBIBYTE = 1 << 20
  const pieces = [
    '<a/>',
    '<a></a>',
    '<a b="c"/>',
    '<?a?>',
    '<!---->',
    '<![CDATA[]]>',
    '&amp;',
    '&#65;',
    'x',
    '>',
    '"',
    '\n',
    '<a ',
  ]
  const documents = [
    ...pieces.map((piece) => `<repomd>${piece.repeat(MEBIBYTE / piece.length - 20)}</repomd>`),
    `<repomd>${'<a>'.repeat(MEBIBYTE / 8)}${'</a>'.repeat(MEBIBYTE / 8)}</repomd>`,
    `<repomd ${Array.from({ length: 80_000 }, (_, at) => `a${at}="1"`).join(' ')}/>`,
    `<repomd a="${'&amp;'.repeat(200_000)}"/>`,
  ]
  for (const document of documents) {
    const before = process.threadCpuUsage()
    try {
      parseRepomd(Buffer.from(document))
    } catch {
      // Most are refused.
    }
    const { user, system } = process.threadCpuUsage(before)
    assert.ok(user + system < MAX_CPU_US, `${document.slice(8, 20)}…: ${user + system} µs`)
  }
})

/** Five times what the worst of them takes here, a quarter of what it would take without a limit on tags; in microseconds. */
const MAX_CPU_US = 250_000
