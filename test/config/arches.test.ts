import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { allBaseurls, perArch } from '../../src/config/arches.ts'
import { formatConfig } from '../../src/config/format.ts'
import { ConfigFile } from './support.ts'

const SOURCE = 'a URL with $basearch, as arches: has several architectures'
const NAME = 'the name of an architecture such as x86_64, each once'

describe('arches of a mirror', () => {
  test('give $basearch and $arch for each, wherever variables are replaced', (t) => {
    const mirror = new ConfigFile(t).mirror(`
vars: { releasever: 9, basearch: ppc64le, arch: ppc64le, infra: own }
mirrors:
  m:
    baseurl: [ 'http://h/$releasever/$basearch/', 'http://$basearch.h/$arch' ]
    mirrorlist: http://h/?a=$arch&b=$basearch&i=$infra
    fallback: 'http://v/$basearch/{filename}'
    gpgkey: 'http://h/KEY-$basearch'
    arches: [x86_64, i386]
`)
    const [i386, x86_64] = perArch(mirror)
    assert.deepEqual([i386?.arch, x86_64?.arch], ['i386', 'x86_64'])
    assert.deepEqual(i386?.baseurls, ['http://h/9/i386/', 'http://i386.h/i686/'])
    assert.deepEqual(x86_64?.baseurls, ['http://h/9/x86_64/', 'http://x86_64.h/x86_64/'])
    assert.deepEqual(allBaseurls(mirror), [...i386.baseurls, ...x86_64.baseurls])
    assert.equal(i386.list?.url, 'http://h/?a=i686&b=i386&i=own')
    assert.deepEqual([i386.variables?.get('basearch'), i386.variables?.get('arch')], ['i386', 'i686'])
    assert.deepEqual(x86_64.fallbacks, ['http://v/x86_64/{filename}'])
    assert.deepEqual(i386.gpgKeys, [{ url: 'http://h/KEY-i386' }])
    assert.deepEqual(mirror.gpgKeys, [{ url: 'http://h/KEY-x86_64' }, { url: 'http://h/KEY-i386' }])
    assert.deepEqual(mirror.baseurls, ['http://h/9/$basearch/', 'http://$basearch.h/$arch/'])
  })

  test('are one by one, or several, and need not be a list', (t) => {
    const file = new ConfigFile(t)
    const mirror = file.mirror('mirrors: {m: {baseurl: "file:up/$basearch", arches: x86_64}}')
    assert.deepEqual(mirror.arches, [
      { arch: 'x86_64', baseurls: [`file://${file.dir}/up/x86_64/`], fallbacks: [] },
    ])
    const plain = file.mirror('mirrors: {m: {baseurl: "http://h/"}}')
    assert.equal(plain.arches, undefined)
    assert.deepEqual(perArch(plain), [plain])
  })

  test('are written such that they load again', (t) => {
    const file = new ConfigFile(t)
    const config = file.load(`
vars: { releasever: 43, basearch: x86_64 }
mirrors:
  m: { metalink: "https://h/?release=$releasever&arch=$basearch", fallback: "http://h/$arch/", arches: [x86_64, aarch64], vars: { own: 1 } }
`)
    const text = formatConfig(config)
    assert.match(text, /metalink: https:\/\/h\/\?release=43&arch=\$basearch\n/)
    assert.match(text, /fallback:\n\s+- http:\/\/h\/\$arch\/\n/)
    assert.deepEqual(file.load(text), config)
  })

  test('whose key files cannot be read are told of by the place that names them', (t) => {
    const file = new ConfigFile(t)
    writeFileSync(join(file.dir, 'other-x86_64'), 'no key')
    const problems = file.problems(`mirrors:
  m:
    baseurl: http://h/$basearch/
    arches: [x86_64, aarch64]
    gpgkey: [ http://h/KEY, "file:other-$basearch" ]
`)
    assert.equal(problems.length, 2)
    for (const problem of problems)
      assert.match(problem, /^pinyon\.yaml:5: mirrors\.m\.gpgkey\[1\]: found "file:other-\$basearch"/)
    assert.match(problems[0] ?? '', /holds no armored key\) for x86_64$/)
    assert.match(problems[1] ?? '', / for aarch64$/)
  })

  const REFUSED: Readonly<Record<string, readonly [text: string, problem: string]>> = {
    'with a source that is the same for all': [
      'baseurl: [http://h/$basearch/, http://i/]\n    arches: [x86_64]',
      `pinyon.yaml:3: mirrors.m.baseurl[1]: found "http://i/", expected ${SOURCE}`,
    ],
    'with a metalink that is': [
      'metalink: http://h/?arch=x86_64\n    arches: [x86_64]',
      `pinyon.yaml:3: mirrors.m.metalink: found "http://h/?arch=x86_64", expected ${SOURCE}`,
    ],
    'with one twice': [
      'baseurl: http://h/$arch/\n    arches: [x86_64, aarch64, x86_64]',
      `pinyon.yaml:4: mirrors.m.arches[2]: found "x86_64", expected ${NAME}`,
    ],
    'without any': [
      'baseurl: http://h/$basearch/\n    arches: []',
      'pinyon.yaml:4: mirrors.m.arches: found an empty list, expected a list of up to 16 architectures such as [x86_64, aarch64]',
    ],
    'beside a variable of the same name': [
      'baseurl: http://h/$basearch/\n    arches: [x86_64]\n    vars: { basearch: i386 }',
      'pinyon.yaml:5: mirrors.m.vars.basearch: found "i386", expected nothing: arches: gives it a value for each architecture',
    ],
  }
  for (const [what, [text, problem]] of Object.entries(REFUSED))
    test(`are refused ${what}`, (t) => {
      assert.deepEqual(new ConfigFile(t).problems(`mirrors:\n  m:\n    ${text}\n`), [problem])
    })

  for (const hostile of [
    '..',
    '.',
    'a/b',
    '/etc',
    '',
    '$basearch',
    '__proto__',
    'a b',
    'a%2fb',
    '%2e%2e',
    'x'.repeat(33),
    'a\u0000',
    'é',
  ])
    test(`are no path: ${JSON.stringify(hostile.slice(0, 12))} is refused`, (t) => {
      const text = `mirrors: {m: {baseurl: "http://h/$basearch/", arches: [x86_64, ${JSON.stringify(hostile)}]}}`
      const problems = new ConfigFile(t).problems(text)
      assert.equal(problems.length, 1)
      assert.ok(problems[0]?.startsWith('pinyon.yaml:1: mirrors.m.arches[1]: found '), problems[0])
      assert.ok(problems[0]?.endsWith(`expected ${NAME}`), problems[0])
    })
})
