import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { digestOf } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { rankOfDigest, rankOfRepomd } from '../../src/model/mirror-listing.ts'
import { parseMetalink } from '../../src/repodata/metalink.ts'
import { parseMirrorlist } from '../../src/repodata/mirrorlist.ts'
import { formatMetalink, formatMetalink4 } from '../support/metalink.ts'

const NO_VARIABLES = new Map<string, string>()

function parse(text: string, variables: ReadonlyMap<string, string> = NO_VARIABLES) {
  return parseMetalink(Buffer.from(text), variables)
}

function read(text: string, variables: ReadonlyMap<string, string> = NO_VARIABLES) {
  return parseMirrorlist(Buffer.from(text, 'latin1'), variables)
}

function parseEntry(hashes: string, size = 6) {
  return parse(`<metalink><files><file name="repomd.xml"><size>${size}</size><verification>${hashes}</verification>
    <resources><url>http://h/repodata/repomd.xml</url></resources></file></files></metalink>`)
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof PinyonError && error.code === 'REPODATA_MALFORMED', String(error))
    return error.message
  }
  return assert.fail('it was accepted')
}

describe('a metalink of MirrorManager', () => {
  test('gives mirrors by preference, and every repomd.xml that counts, the newest first', () => {
    const [a, b, c] = [Buffer.from('a'), Buffer.from('b'), Buffer.from('c')] as const
    const listing = parse(
      formatMetalink({
        repomds: [
          { bytes: a, timestamp: 30 },
          { bytes: c, timestamp: 10 },
          { bytes: b, timestamp: 20 },
        ],
        urls: [
          { url: 'http://slow.example/repodata/repomd.xml', preference: 10 },
          { url: 'rsync://fast.example/m/repodata/repomd.xml', preference: 100 },
          { url: 'ftp://fast.example/repodata/repomd.xml', preference: 100 },
          { url: 'http://fast.example/deep/er/repodata/repomd.xml', preference: 99 },
          { url: 'https://fast.example/deep/er/repodata/repomd.xml', preference: 98 },
        ],
      }),
    )
    assert.deepEqual(listing.baseurls, ['https://fast.example/deep/er/', 'http://slow.example/'])
    assert.deepEqual(
      [a, b, c, Buffer.from('d')].map((bytes) => rankOfRepomd(listing, bytes)),
      [0, 1, 2, undefined],
    )
    assert.deepEqual(
      [digestOf(b), digestOf('d')].map((digest) => rankOfDigest(listing, digest)),
      [1, undefined],
    )
  })

  test('whose alternate is newer than its main entry has that one first', () => {
    const [a, b] = [Buffer.from('a'), Buffer.from('b')] as const
    const repomds = [
      { bytes: a, timestamp: 10 },
      { bytes: b, timestamp: 20 },
    ]
    const listing = parse(formatMetalink({ repomds, urls: ['http://h/repodata/repomd.xml'] }))
    assert.deepEqual([rankOfRepomd(listing, a), rankOfRepomd(listing, b)], [1, 0])
  })

  test('counts by its strongest hash, whatever the weaker ones and its size say', () => {
    const bytes = Buffer.from('repomd')
    const hash = (type: 'md5' | 'sha256', of = bytes) =>
      `<hash type="${type}">${digestOf(of, type).slice(type.length + 1)}</hash>`
    const other = Buffer.from('other')
    assert.equal(rankOfRepomd(parseEntry(hash('md5')), bytes), 0)
    assert.equal(rankOfRepomd(parseEntry(hash('md5', other) + hash('sha256')), bytes), 0)
    assert.equal(rankOfRepomd(parseEntry(hash('md5') + hash('sha256', other)), bytes), undefined)
    assert.equal(rankOfRepomd(parseEntry(hash('sha256'), 7), bytes), 0)
    const unknown = '<hash type="sha3-512">00</hash><hash type="md5">zz</hash>'
    assert.equal(rankOfRepomd(parseEntry(unknown + hash('sha256')), bytes), 0)
    assert.deepEqual(parseEntry('').repomds, [])
  })

  test('is refused when it has hashes and none that can be checked: what it lists would be taken unchecked', () => {
    for (const [type, value] of [
      ['sha3-512', 'ab'.repeat(64)],
      ['md5', 'zz'],
      ['sha256', ''.padEnd(63, '0')],
      ['sha256', ''.padEnd(9_000, '0')],
      ['sha256', ''],
    ] as const)
      assert.match(
        refusal(() => parseEntry(`<hash type="${type}">${value}</hash>`)),
        /none of its hashes can be checked: repomd\.xml$/,
      )
  })
})

test('Metalink 4 says the same', () => {
  const [a, b] = [Buffer.from('a'), Buffer.from('b')] as const
  const listing = parse(
    formatMetalink4({
      repomds: [{ bytes: a }],
      urls: [
        { url: 'http://second.example/repodata/repomd.xml', priority: 2 },
        { url: 'https://first.example/repodata/repomd.xml', priority: 1 },
        'http://last.example/repodata/repomd.xml',
      ],
    }),
  )
  assert.deepEqual(listing.baseurls, [
    'https://first.example/',
    'http://second.example/',
    'http://last.example/',
  ])
  assert.deepEqual([rankOfRepomd(listing, a), rankOfRepomd(listing, b)], [0, undefined])
})

describe('of hostile metalinks', () => {
  const urls = ['http://h/repodata/repomd.xml']
  const repomds = [{ bytes: Buffer.from('a'), timestamp: 1 }]

  test('entity bombs and what is no metalink are refused, and nothing of them is quoted', () => {
    const secret = 'instance-credentials'
    for (const [text, expected] of [
      [`<!DOCTYPE m [<!ENTITY a "${secret}">]><metalink/>`, /begin with no <metalink>$/],
      [`<metalink><!DOCTYPE m [<!ENTITY a "${secret}">]></metalink>`, /declarations are refused/],
      [`<html><body>${secret}</body></html>`, /begin with no <metalink>$/],
      [secret, /begin with no <metalink>$/],
      [`<metalink>${'<a>'.repeat(100)}`, /nested deeper/],
      [`<metalink><files><file name="repomd.xml">`, /truncated$/],
      [`<metalink version="3.0"><files/></metalink>`, /no file of the name: repomd\.xml$/],
      [formatMetalink({ repomds, urls: ['http://h/other.xml'] }), /none of its URLs/],
    ] as const) {
      const message = refusal(() => parse(text))
      assert.match(message, expected)
      assert.ok(!message.includes(secret), message)
    }
  })

  test('URLs count that are plain http and https, once a place, and 32 at most', () => {
    const odd = [
      'http://user:secret@h/repodata/repomd.xml',
      'http://h/repodata/repomd.xml?x=1',
      'http://h/{name}/repodata/repomd.xml',
      'http://h/a b/repodata/repomd.xml',
      'http:///repodata/repomd.xml',
      'file:///etc/repodata/repomd.xml',
      'javascript:alert(1)/repodata/repomd.xml',
      `http://h/${'x'.repeat(3_000)}/repodata/repomd.xml`,
      'http://h/$basearch/repodata/repomd.xml',
    ]
    assert.deepEqual(parse(formatMetalink({ repomds, urls: [...odd, ...urls, ...urls] })).baseurls, [
      'http://h/',
    ])
    const many = Array.from({ length: 100_000 }, (_, index) => `http://h${index}/repodata/repomd.xml`)
    const startedAt = performance.now()
    const listing = parse(formatMetalink({ repomds, urls: many }))
    assert.equal(listing.baseurls.length, 32)
    const tookMs = performance.now() - startedAt
    assert.ok(tookMs < 20_000, `${tookMs} ms`)
  })

  test('variables in URLs stand for what the configuration says', () => {
    const variables = new Map([
      ['basearch', 'x86_64'],
      ['releasever', '9'],
    ])
    const text = formatMetalink({ repomds, urls: ['http://h/$releasever/${basearch}/repodata/repomd.xml'] })
    assert.deepEqual(parse(text, variables).baseurls, ['http://h/9/x86_64/'])
  })

  test('any cut and any change of a character is refused or read, and never throws anything else', () => {
    const whole = formatMetalink({ repomds: [...repomds, ...repomds], urls })
    fc.assert(
      fc.property(fc.nat(whole.length), fc.string({ maxLength: 3 }), fc.nat(3), (at, put, cut) => {
        const text = whole.slice(0, at) + put + whole.slice(at + cut)
        try {
          const { baseurls, repomds } = parse(text)
          assert.ok(baseurls.every((url) => /^https?:\/\/[^@]+\/$/.test(url)))
          assert.ok(repomds.every(({ digests }) => digests.length > 0))
        } catch (error) {
          assert.ok(error instanceof PinyonError && error.code === 'REPODATA_MALFORMED', String(error))
        }
      }),
      { numRuns: 300, seed: 20_161_213 },
    )
  })
})

describe('a mirrorlist', () => {
  test('is a URL a line, with comments, and keeps its order', () => {
    const text =
      '# repo = epel-9 country = DE\n  http://b/x # near\r\n\nrsync://c/x/\nftp://c/x/\nhttps://a/y/$basearch\n#http://d/\nhttp://b/x/\n'
    assert.deepEqual(read(text, new Map([['basearch', 'x86_64']])), {
      kind: 'mirrorlist',
      baseurls: ['http://b/x/', 'https://a/y/x86_64/'],
      repomds: [],
    })
  })

  test('that is a metalink is read as one', () => {
    const bytes = Buffer.from('a')
    const text = formatMetalink({ repomds: [{ bytes }], urls: ['http://h/repodata/repomd.xml'] })
    assert.equal(rankOfRepomd(read(text), bytes), 0)
  })

  test('without a usable line, or with a page in its place, is refused', () => {
    const secret = 'instance-credentials'
    for (const [text, expected] of [
      ['', /no line of it/],
      ['# error: invalid repo or arch\n', /no line of it/],
      ['Invalid release/repo/arch combination\n', /no line of it/],
      [`<!DOCTYPE html><p>${secret}`, /an HTML page or other XML of/],
      ['http://u:p@h/\nhttp://h/$releasever/\n', /without variables/],
      ['\0\xff\n'.repeat(100), /no line of it/],
    ] as const) {
      const message = refusal(() => read(text))
      assert.match(message, expected)
      assert.ok(!message.includes(secret), message)
    }
  })

  test('of whatever lines gives only roots that can be asked, each once', () => {
    const line = fc.oneof(
      fc.webUrl(),
      fc.string(),
      fc.constantFrom('#', 'http://', 'http://h', 'https://h/\0'),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 50 }), (lines) => {
        try {
          const { baseurls } = read(lines.join('\n'))
          assert.ok(baseurls.length > 0 && baseurls.length <= 32)
          assert.equal(new Set(baseurls).size, baseurls.length)
          for (const url of baseurls) assert.equal(URL.parse(url)?.href, url)
          assert.ok(baseurls.every((url) => /^https?:\/\/[^/@]+\/[^?#]*$/.test(url) && url.endsWith('/')))
        } catch (error) {
          assert.ok(error instanceof PinyonError && error.code === 'REPODATA_MALFORMED', String(error))
        }
      }),
      { numRuns: 300, seed: 20_161_213 },
    )
  })
})
