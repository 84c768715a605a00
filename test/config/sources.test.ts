import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { formatConfig } from '../../src/config/format.ts'
import { ConfigFile } from './support.ts'

const LIST = 'an http, https or file URL of a list of mirrors'
const BASE = 'baseurl: http://h/'

describe('where a mirror comes from', () => {
  test('may be a metalink or a mirrorlist, with or without baseurls', (t) => {
    const file = new ConfigFile(t)
    const metalink = file.mirror('mirrors: {m: {metalink: "https://h/metalink?repo=x&arch=y"}}')
    assert.deepEqual(
      [metalink.baseurls, metalink.list],
      [[], { kind: 'metalink', url: 'https://h/metalink?repo=x&arch=y', expireMs: 86_400_000 }],
    )
    const mirrorlist = file.mirror(
      `mirrors: {m: {${BASE}, mirrorlist: "file:lists/m", mirrorlist_expire: 2h, failovermethod: roundrobin}}`,
    )
    assert.deepEqual(mirrorlist.list, {
      kind: 'mirrorlist',
      url: `file://${file.dir}/lists/m`,
      expireMs: 7_200_000,
    })
    assert.deepEqual([mirrorlist.baseurls, mirrorlist.failovermethod], [['http://h/'], 'roundrobin'])
  })

  test('with both is a metalink, as for dnf', (t) => {
    const mirror = new ConfigFile(t).mirror('mirrors: {m: {mirrorlist: "http://a/", metalink: "http://b/"}}')
    assert.deepEqual([mirror.list?.kind, mirror.list?.url], ['metalink', 'http://b/'])
  })

  test("may hold yum's variables: a mirror's own come before those of all", (t) => {
    const { mirrors } = new ConfigFile(t).load(`
vars: { releasever: 9, basearch: x86_64, contentdir: centos }
mirrors:
  a:
    baseurl: [ 'http://h/$releasever/$basearch/$infra/', 'http://h/$arch/' ]
    fallback: 'http://v/$releasever/{filename}'
    gpgkey: 'http://h/KEY-$releasever'
  b:
    vars: { releasever: '9.10', basearch: i386 }
    mirrorlist: http://h/?release=$releasever&arch=$arch&repo=$basearch&infra=$infra
`)
    const [a, b] = [...mirrors.values()]
    assert.deepEqual(a?.baseurls, ['http://h/9/x86_64/stock/', 'http://h/x86_64/'])
    assert.deepEqual(a.fallbacks, ['http://v/9/{filename}'])
    assert.deepEqual(a.gpgKeys, [{ url: 'http://h/KEY-9' }])
    assert.equal(b?.list?.url, 'http://h/?release=9.10&arch=i686&repo=i386&infra=stock')
    assert.equal(b.variables?.get('contentdir'), 'centos')
  })

  test('is written such that it loads again', (t) => {
    const file = new ConfigFile(t)
    const config = file.load(`
vars: { releasever: 9, basearch: i386 }
mirrors:
  a: { metalink: 'https://u:secret@h/metalink?repo=$releasever', vars: { infra: own } }
  b: { mirrorlist: 'https://h/$basearch', mirrorlist_expire: 1h, baseurl: [http://x/, http://y/], failovermethod: roundrobin }
`)
    const text = formatConfig(config)
    assert.ok(!text.includes('secret'), text)
    const again = file.load(text.replace('***', 'u:secret'))
    for (const [name, mirror] of config.mirrors) assert.deepEqual(again.mirrors.get(name), mirror)
  })
})

describe('mistakes in that are refused, with their line', () => {
  const cases: readonly [string, string, string][] = [
    ['no URL', 'metalink: x', `m.metalink: found "x", expected ${LIST}`],
    ['another scheme', 'mirrorlist: ftp://h/l', `m.mirrorlist: found "ftp://h/l", expected ${LIST}`],
    [
      'a fragment',
      'metalink: http://h/#x',
      `m.metalink: found "http://h/#x", expected ${LIST}, without a fragment`,
    ],
    [
      'a variable that nobody knows',
      'mirrorlist: http://h/?release=$releasever',
      `m.mirrorlist: found "http://h/?release=$releasever", expected ${LIST} of which vars has all variables, such as releasever and basearch`,
    ],
    [
      'a time that never ends',
      `${BASE}\n    mirrorlist_expire: never`,
      'm.mirrorlist_expire: found "never", expected a duration such as 12h or 1d',
    ],
    [
      'another order',
      `${BASE}\n    failovermethod: random`,
      'm.failovermethod: found "random", expected priority or roundrobin',
    ],
    [
      'a number that would lose its zero',
      `${BASE}\n    vars: {releasever: 9.10}`,
      "m.vars.releasever: found 9.10, expected a variable's value: text, in quotes where it is a number with a point",
    ],
    [
      'a list of variables',
      `${BASE}\n    vars: [9]`,
      'm.vars: found a list, expected a mapping of variables such as releasever',
    ],
  ]
  for (const [what, lines, expected] of cases)
    test(what, (t) => {
      const line = 3 + (lines.match(/\n/g) ?? []).length
      const problems = new ConfigFile(t).problems(`mirrors:\n  m:\n    ${lines}\n`)
      assert.deepEqual(problems, [`pinyon.yaml:${line}: mirrors.${expected}`])
    })
})
