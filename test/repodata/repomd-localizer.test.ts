import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { hasBase, localizeRepomd } from '../../src/repodata/repomd-localizer.ts'
import { parseRepomd } from '../../src/repodata/repomd.ts'

const OLD = 'a'.repeat(64)
const RECORD = (type: string, base = '') => `
  <data type="${type}">
    <checksum type="sha256">${OLD}</checksum>
    <open-checksum type="sha256">${OLD}</open-checksum>
    <location ${base}href="repodata/${type}.xml.gz"/>
    <timestamp>1577836800</timestamp>
    <size>1</size>
    <open-size>2</open-size>
    <unknown>kept</unknown>
  </data>`
const REPOMD = (...records: string[]) =>
  `<?xml version="1.0"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">\n  <revision>7</revision>${records.join('')}\n</repomd>\n`

const PRIMARY = {
  oldHref: 'repodata/primary.xml.gz',
  href: `repodata/${'b'.repeat(64)}-primary.xml.gz`,
  checksum: `sha256:${'b'.repeat(64)}`,
  size: 10,
  openChecksum: `sha256:${'c'.repeat(64)}`,
  openSize: 20,
} as const

describe('a repomd.xml that leads elsewhere', () => {
  test('loses the bases of its records and nothing else', () => {
    const based = REPOMD(RECORD('primary', 'xml:base="http://h/" '), RECORD('other', "xml:base='http://h/' "))
    const plain = REPOMD(RECORD('primary'), RECORD('other'))
    assert.ok(hasBase(Buffer.from(based)))
    assert.ok(!hasBase(Buffer.from(plain)))
    assert.ok(!hasBase(Buffer.from(plain.replace('kept', 'xml:base="http://h/"'))))
    assert.equal(
      localizeRepomd(Buffer.from(based), undefined).toString().replaceAll('location  ', 'location '),
      plain,
    )
    assert.equal(localizeRepomd(Buffer.from(plain), undefined).toString(), plain)
  })

  test('names another primary, in no other form than that, and keeps every other byte', () => {
    const before = REPOMD(RECORD('primary'), RECORD('primary_db'), RECORD('filelists'), RECORD('primary_zck'))
    const after = localizeRepomd(Buffer.from(before), PRIMARY).toString()
    const expected = REPOMD(
      RECORD('primary')
        .replace(OLD, 'b'.repeat(64))
        .replace(OLD, 'c'.repeat(64))
        .replace('repodata/primary.xml.gz', PRIMARY.href)
        .replace('<size>1<', '<size>10<')
        .replace('<open-size>2<', '<open-size>20<'),
      RECORD('filelists'),
    )
    assert.equal(after, expected)
    const { records, revision } = parseRepomd(Buffer.from(after))
    assert.deepEqual(
      [revision, records.map(({ type }) => type), records[0]?.checksum, records[0]?.size],
      ['7', ['primary', 'filelists'], PRIMARY.checksum, 10],
    )
  })

  test('is read with prefixes, comments and single quotes as well', () => {
    const text = `<r:repomd xmlns:r="u"><!-- <data type="primary"> --><r:data type='primary'><r:location xml:base='http://h/' href='./repodata//primary.xml.gz'/><r:checksum type='sha'>${'d'.repeat(40)}</r:checksum></r:data></r:repomd>`
    const checksum = `sha1:${'e'.repeat(40)}` as const
    const after = localizeRepomd(Buffer.from(text), { ...PRIMARY, checksum }).toString()
    assert.equal(
      after,
      text
        .replace(" xml:base='http://h/'", '')
        .replace("'./repodata//primary.xml.gz'", `"${PRIMARY.href}"`)
        .replace('d'.repeat(40), 'e'.repeat(40)),
    )
  })
})
