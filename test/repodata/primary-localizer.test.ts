import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { parseBasedHref, toBasedHref } from '../../src/model/based-href.ts'
import { localizePrimary } from '../../src/repodata/primary-localizer.ts'
import { extent } from '../support/extent.ts'
import { Random } from '../support/random.ts'
import { collect, randomPieces, stream } from './pieces.ts'
import { PrimaryGenerator } from './primary-generator.ts'
import { readByOracle } from './primary-oracle.ts'

const CASES = extent({ full: 20_000, slice: 1_500 })

async function localized(pieces: Iterable<Buffer>): Promise<Buffer> {
  return await collect(localizePrimary(stream(pieces)))
}

async function localizedText(text: string): Promise<string> {
  return (await localized([Buffer.from(text)])).toString()
}

function metadata(locations: string): string {
  return `<metadata packages="1"><package type="rpm"><name>a</name>${locations}</package></metadata>`
}

describe('a primary.xml that leads elsewhere', () => {
  test('leads here, and says else what it said, as fast-xml-parser reads both', async () => {
    const random = new Random(7)
    let moved = 0
    for (let seed = 0; seed < CASES; seed += 1) {
      const { bytes, text } = new PrimaryGenerator(new Random(seed)).document()
      const after = await localized(randomPieces(bytes, random))
      const isLatin = text.includes("encoding='ISO-8859-1'")
      const afterText = after.toString(isLatin ? 'latin1' : 'utf8').replace(/^\ufeff/, '')
      const before = readByOracle(text)
      const found = new Map(readByOracle(afterText).map((one) => [one.checksum, one]))
      for (const { base, ...one } of before) {
        const href = base === undefined ? one.href : toBasedHref(base, one.href)
        assert.deepEqual(found.get(one.checksum), { ...one, href }, text)
        if (base !== undefined) moved += 1
      }
      assert.deepEqual(await localized([after]), after, 'once is enough')
      if (!text.includes('xml:base')) assert.deepEqual(after, bytes)
    }
    assert.ok(moved > CASES / 10)
  })

  const LOCATIONS: readonly [string, string, string][] = [
    [
      'a base',
      '<location  xml:base="http://h/x" href="a.rpm" />',
      '<location href="_base/aHR0cDovL2gveC8/a.rpm" />',
    ],
    [
      'a base after it',
      "<location href='p/a.rpm' xml:base='http://h/x/'/>",
      '<location href="_base/aHR0cDovL2gveC8/p/a.rpm"/>',
    ],
    [
      'a relative base',
      '<location xml:base="disagree" href="a.rpm"/>',
      '<location href="_base/ZGlzYWdyZWU/a.rpm"/>',
    ],
    ['an empty base', '<location xml:base="" href="a.rpm"/>', '<location xml:base="" href="a.rpm"/>'],
    ['a whole URL', '<location href="http://h/x/a.rpm"/>', '<location href="_base/aHR0cDovL2gveC8/a.rpm"/>'],
    [
      'two of them',
      '<location xml:base="http://h/" href="a"/><x:location xml:base="http://i/" href="b"/>',
      '<location href="_base/aHR0cDovL2gv/a"/><x:location href="_base/aHR0cDovL2kv/b"/>',
    ],
    [
      'one that is deeper',
      '<format><location xml:base="http://h/" href="a"/></format>',
      '<format><location xml:base="http://h/" href="a"/></format>',
    ],
    [
      'characters that stand for others',
      '<location xml:base="http://h/" href="a&amp;é.rpm"/>',
      '<location href="_base/aHR0cDovL2gv/a&#38;&#233;.rpm"/>',
    ],
  ]
  for (const [what, before, after] of LOCATIONS)
    test(`by ${what}: nothing but that changes`, async () => {
      assert.equal(await localizedText(metadata(before)), metadata(after))
    })

  test('by what no path can stand for leads nowhere', async () => {
    for (const href of ['http://evil.example/a&#10;b', `http://h/${'x'.repeat(5_000)}`, 'http://h/']) {
      const after = await localizedText(metadata(`<location href="${href}"/>`))
      assert.match(after, /<location href="_base\/[0-9a-f]{64}"\/>/)
    }
  })
})

describe('an href with a base', () => {
  test('tells both, and of a URL neither credentials nor query', () => {
    const cases: readonly [string | undefined, string, object | undefined][] = [
      ['http://u:p@h/x?token=1#f', 'a.rpm', { base: 'http://h/x/', href: 'a.rpm' }],
      ['http://h/x/y/', '../a.rpm', { base: 'http://h/x/', href: 'a.rpm' }],
      ['http://h/', '../../a.rpm', { base: 'http://h/', href: 'a.rpm' }],
      ['media://1234#1', '/a.rpm', { base: 'media://1234#1', href: 'a.rpm' }],
      ['//h/x', 'a.rpm', { base: '//h/x', href: 'a.rpm' }],
      ['../pool', 'a.rpm', { base: '../pool', href: 'a.rpm' }],
      [undefined, 'ftp://h/x/a.rpm', { base: 'ftp://h/x/', href: 'a.rpm' }],
      [undefined, 'a.rpm', undefined],
      ['', 'a.rpm', undefined],
      ['http://h/', '..', undefined],
    ]
    for (const [base, href, expected] of cases) {
      const path = toBasedHref(base, href)
      assert.deepEqual(path && parseBasedHref(path), expected, `${base} ${href}`)
    }
    for (const path of ['_base/a', '_base/%/a', '_base/QQ=/a', '_base/QR/a', 'x/_base/QQ/a'])
      assert.equal(parseBasedHref(path), undefined, path)
  })

  test('is another one for another base', () => {
    assert.notEqual(toBasedHref('http://h/', 'a.rpm'), toBasedHref('http://i/', 'a.rpm'))
  })
})
