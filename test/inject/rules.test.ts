import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProxyRule } from '../../src/inject/inject.ts'
import { inject, mapOf } from '../support/injection.ts'

const URL = 'http://mirrors.example/repos/yum/epel-el7/2021-12-07-09-29'
const EPEL = mapOf({ 'epel-el7': URL })

describe('which sections', () => {
  test('the id has to be the mirror’s name, in the same case', () => {
    for (const id of ['epel-el70', 'epel-el', 'Epel-el7', 'epel-el7 ', 'epel.el7']) {
      const text = `[${id}]\nbaseurl=http://up/\n`
      const { changed, injected, unmatched } = inject(text, EPEL)
      assert.deepEqual([changed, injected, unmatched], [false, [], [{ id, line: 1 }]])
    }
  })

  test('nothing that is not a mirror’s changes, nor does a file without any', () => {
    const text = '# c\n[main]\nA : b\n\n\n[other]\nName:x\n\tmore\n mirrorlist=y\n;z'
    assert.equal(inject(text, EPEL).text, text)
    const matched = inject(`${text}\n[epel-el7]\nbaseurl=u\nproxy=v\n`, EPEL).text
    assert.equal(matched, `${text}\n[epel-el7]\nbaseurl=${URL}\nproxy=_none_\n`)
  })

  test('[main] is never touched, even by a mirror or a directive of that name', () => {
    const text = '[main]\nmirrorlist=x\nproxy=http://p:3128\nbaseurl=y\n[DEFAULT]\nbaseurl=z\n'
    const map = mapOf({ main: URL, DEFAULT: URL }, { DEFAULT: [['main', URL]] })
    const { changed, injected, unmatched } = inject(text, map, { onlyMirrored: true })
    assert.deepEqual([changed, injected, unmatched], [false, [], []])
  })

  test('a disabled section is injected, and stays disabled', () => {
    assert.equal(
      inject('[epel-el7]\nenabled=0\nmetalink=x\n', EPEL).text,
      `[epel-el7]\nenabled=0\nbaseurl=${URL}\nproxy=_none_\n`,
    )
  })

  test('ids may hold variables, which are put in for matching alone', () => {
    const variables = new Map([['releasever', '7']])
    const text = '[epel-el$releasever]\nbaseurl=x\nproxy=y\n[q-${releasever}]\n'
    const { text: result, injected, unmatched } = inject(text, EPEL, { variables })
    assert.equal(result, text.replace('=x', `=${URL}`).replace('=y', '=_none_'))
    assert.deepEqual(injected, [{ id: 'epel-el7', url: URL, previous: 'x', line: 1 }])
    assert.deepEqual(unmatched, [{ id: 'q-7', line: 4 }])
    assert.equal(inject(text, EPEL).changed, false)
  })
})

describe('baseurl', () => {
  test('is set at its place', () => {
    assert.equal(
      inject('[epel-el7]\nname=a\nbaseurl=http://up/$releasever\nproxy=x\ngpgcheck=1\n', EPEL).text,
      `[epel-el7]\nname=a\nbaseurl=${URL}\nproxy=_none_\ngpgcheck=1\n`,
    )
  })

  test('is set in place of a value of several lines', () => {
    for (const value of ['http://a\n  http://b\n\thttp://c', '\n  http://a\n\n  http://b'])
      assert.match(
        inject(`[epel-el7]\nbaseurl=${value}\nproxy=x\ngpgcheck=1\n`, EPEL).text,
        /^\[epel-el7\]\nbaseurl=\S+\n\n?proxy=_none_\ngpgcheck=1\n$/,
      )
  })

  test('is appended where there was none, before blank lines and comments at the end', () => {
    assert.equal(
      inject('[epel-el7]\nname = a\n# b\ngpgcheck = 1\n\n# of the next\n[next]\n', EPEL).text,
      `[epel-el7]\nname = a\n# b\ngpgcheck = 1\nbaseurl = ${URL}\nproxy = _none_\n\n# of the next\n[next]\n`,
    )
  })

  test('is appended to a section of nothing but a header', () => {
    assert.equal(inject('[epel-el7]', EPEL).text, `[epel-el7]\nbaseurl=${URL}\nproxy=_none_`)
    assert.equal(
      inject('[a]\r\n[epel-el7]\r\n', EPEL).text,
      `[a]\r\n[epel-el7]\r\nbaseurl=${URL}\r\nproxy=_none_\r\n`,
    )
  })

  test('is written so that dnf reads it too: in lower case, with =', () => {
    assert.equal(
      inject('[epel-el7]\nBaseURL : http://up/\nPROXY:x\n', EPEL).text,
      `[epel-el7]\nbaseurl = ${URL}\nproxy=_none_\n`,
    )
  })

  test('stands once in the end, in place of the last one: zypper adds them up', () => {
    assert.equal(
      inject('[epel-el7]\nbaseurl=a\n  b\nname=c\nbaseurl=d\nproxy=e\nproxy=f\n', EPEL).text,
      `[epel-el7]\nname=c\nbaseurl=${URL}\nproxy=_none_\n`,
    )
  })
})

describe('mirrorlist and metalink', () => {
  test('go, with all lines of their values and however often they are there', () => {
    const text =
      '[epel-el7]\nmirrorlist=a\n  b\nbaseurl=c\nproxy=d\nMetaLink: e\nname=f\nmirrorlist=g\nmetalink=\n\th\n'
    assert.equal(inject(text, EPEL).text, `[epel-el7]\nbaseurl=${URL}\nproxy=_none_\nname=f\n`)
  })

  test('stay as comments, and comments within them lose what makes dnf take them for a value', () => {
    assert.equal(
      inject('[epel-el7]\nname=a\n#mirrorlist=b\nmetalink=c\n  # d\n # e\n  f\n# g\nproxy=h\n', EPEL).text,
      `[epel-el7]\nname=a\n#mirrorlist=b\n# d\n# e\n# g\nproxy=_none_\nbaseurl=${URL}\n`,
    )
  })
})

/** What a section's proxy becomes. */
function proxyOf(id: string, proxy?: ProxyRule): string | undefined {
  const options = proxy === undefined ? {} : { proxy }
  return /^proxy=(.*)$/m.exec(inject(`[${id}]\nproxy=before\n`, mapOf({ [id]: URL }), options).text)?.[1]
}

describe('proxy', () => {
  test('is _none_ for every el and for Fedora before 29, else None', () => {
    const values: [string, string][] = [
      ['centos-base-el6', '_none_'],
      ['epel-el7', '_none_'],
      ['a-el100', '_none_'],
      ['a-fc28', '_none_'],
      ['a-fc5', '_none_'],
      ['a-fc29', 'None'],
      ['a-fc029', 'None'],
      ['a-fc40', 'None'],
      ['a-el8stream', 'None'],
      ['a-el', 'None'],
      ['el7', 'None'],
      ['-el7', '_none_'],
      ['a-EL7', 'None'],
      ['a-el7-x', 'None'],
      ['centos-sclo-rh-release', 'None'],
      ['fedora', 'None'],
    ]
    for (const [id, value] of values) assert.equal(proxyOf(id), value, id)
  })

  test('may be kept, or given for all', () => {
    assert.equal(proxyOf('a-el7', 'auto'), '_none_')
    assert.equal(proxyOf('a-el7', 'keep'), 'before')
    assert.equal(proxyOf('a-el7', 'None'), 'None')
    assert.equal(proxyOf('a-fc40', '_none_'), '_none_')
    assert.equal(
      inject('[epel-el7]\nname=a\n', EPEL, { proxy: 'keep' }).text,
      `[epel-el7]\nname=a\nbaseurl=${URL}\n`,
    )
  })

  test('is appended behind baseurl where there was none', () => {
    assert.equal(inject('[epel-el7]\n', EPEL).text, `[epel-el7]\nbaseurl=${URL}\nproxy=_none_\n`)
  })
})

test('no other key is touched', () => {
  const others =
    'gpgcheck=1\ngpgkey=file:///a\n  file:///b\nenabled=1\nexclude=a*\n b*\nfailovermethod=priority\npriority = 1\n' +
    'skip_if_unavailable=true\nrepo_gpgcheck=0\nmirrorlist_expire=1\nbaseurl_x=1\nproxy_username=u\n'
  assert.equal(
    inject(`[epel-el7]\n${others}`, EPEL).text,
    `[epel-el7]\n${others}baseurl=${URL}\nproxy=_none_\n`,
  )
})

describe('before:', () => {
  test('inserts sections in their order, above the comments of the one they are put before', () => {
    const map = mapOf(
      {},
      {
        'b-el7': [
          ['x-el7', 'http://x'],
          ['y-fc30', 'http://y'],
        ],
      },
    )
    const { text, injected } = inject('[a]\nc=d\n\n# b\n# is\n[b-el7]\ne=f\n', map)
    assert.equal(
      text,
      '[a]\nc=d\n\n[x-el7]\nbaseurl=http://x\nproxy=_none_\n\n[y-fc30]\nbaseurl=http://y\nproxy=None\n\n# b\n# is\n[b-el7]\ne=f\n',
    )
    assert.deepEqual(injected, [
      { id: 'x-el7', url: 'http://x', line: 6 },
      { id: 'y-fc30', url: 'http://y', line: 6 },
    ])
  })

  test('inserts before a section that is a mirror’s itself, and before [main]', () => {
    const map = mapOf({ 'epel-el7': URL }, { 'epel-el7': [['x', 'http://x']], main: [['y', 'http://y']] })
    assert.equal(
      inject('\ufeff[main]\r\n[epel-el7]\r\n', map, { proxy: 'keep' }).text,
      `\ufeff[y]\r\nbaseurl=http://y\r\n\r\n[main]\r\n[x]\r\nbaseurl=http://x\r\n\r\n[epel-el7]\r\nbaseurl=${URL}\r\n`,
    )
  })

  test('does nothing where the section is not there', () => {
    assert.equal(inject('[a]\nb=c\n', mapOf({}, { d: [['x', 'http://x']] })).changed, false)
  })

  test('leaves a section that is there already at its place, with its other keys', () => {
    const map = mapOf({}, { b: [['x', 'http://x']] })
    for (const text of ['[x]\nname=n\nmirrorlist=m\n[b]\n', '[b]\n[x]\nname=n\nmirrorlist=m\n'])
      assert.equal(inject(text, map).text, text.replace('mirrorlist=m\n', 'baseurl=http://x\nproxy=None\n'))
  })

  test('wins over the mirror of the same name, as it does for one who injects twice', () => {
    const map = mapOf({ x: 'http://mirror' }, { b: [['x', 'http://before']] })
    assert.match(inject('[b]\n', map).text, /^\[x\]\nbaseurl=http:\/\/before\n/)
    assert.match(inject('[b]\n[x]\n', map).text, /\[x\]\nbaseurl=http:\/\/before\n/)
    assert.match(inject('[x]\n', map).text, /^\[x\]\nbaseurl=http:\/\/mirror\n/)
  })

  test('counts for inserted sections as well, in circles too', () => {
    const map = mapOf({}, { a: [['b', 'http://b']], b: [['c', 'http://c']], c: [['a', 'http://a']] })
    assert.equal(
      inject('[a]\n', map, { proxy: 'keep' }).text,
      '[c]\nbaseurl=http://c\n\n[b]\nbaseurl=http://b\n\n[a]\nbaseurl=http://a\n',
    )
  })

  test('inserts once, before the first of several headers', () => {
    const map = mapOf({}, { a: [['x', 'http://x']] })
    const { text, warnings } = inject('[a]\n[c]\n[a]\n', map, { proxy: 'keep' })
    assert.equal(text, '[x]\nbaseurl=http://x\n\n[a]\n[c]\n[a]\n')
    assert.deepEqual(warnings, [{ line: 3, text: '[a] was begun above already: its parts count as one' }])
  })
})

describe('sections of one id', () => {
  test('are all injected, so that it does not matter which of them counts', () => {
    assert.equal(
      inject('[epel-el7]\nmirrorlist=a\n[b]\n[epel-el7]\nbaseurl=c\nproxy=d\n', EPEL).text,
      `[epel-el7]\nbaseurl=${URL}\nproxy=_none_\n[b]\n[epel-el7]\nbaseurl=${URL}\nproxy=_none_\n`,
    )
  })
})

describe('sections that name a snapshot already', () => {
  const text = `[epel-el7]\nbaseurl=http://old.example/repos/yum/x/2016-12-13-13-30\n[a]\nbaseurl=\n  http://b\n  ${URL}/\n`
  const map = mapOf({ 'epel-el7': URL })

  test('are left alone when asked to, and are none without a mirror', () => {
    const { changed, injected, unmatched } = inject(text, map, { keepPinned: true, onlyMirrored: true })
    assert.deepEqual([changed, injected, unmatched], [false, [], []])
    assert.equal(inject(text, map).injected.length, 1)
  })

  test('are not those that name what moves', () => {
    for (const url of [
      'http://m/repos/yum/a/latest',
      'http://m/2016-12-13-13-30',
      'http://m/repos/yum/a/2016-12-13',
    ])
      assert.equal(inject(`[epel-el7]\nbaseurl=${url}\n`, map, { keepPinned: true }).injected.length, 1, url)
  })

  test('are warned about where a mirrorlist wins', () => {
    const { warnings } = inject(`[a]\nbaseurl=${URL}\nmetalink=x\n`, map, { keepPinned: true })
    assert.deepEqual(warnings, [
      { line: 3, text: '[a] is pinned, but its metalink may win over its baseurl' },
    ])
  })
})

describe('only mirrors', () => {
  const onlyMirrored = true

  test('switches off what found none, however it was switched on', () => {
    for (const enabled of [
      'enabled=1',
      'enabled = yes',
      'Enabled: True',
      'enabled=\n  1',
      'enabled=perhaps',
      'enabled=0\nenabled=1',
    ])
      assert.match(
        inject(`[a]\n${enabled}\n# b\n`, EPEL, { onlyMirrored }).text,
        /^\[a\]\nenabled ?= ?0\n# b\n$/,
        enabled,
      )
    assert.equal(
      inject('[a]\nb=c\n\n[d]', EPEL, { onlyMirrored }).text,
      '[a]\nb=c\nenabled=0\n\n[d]\nenabled=0',
    )
  })

  test('leaves what is off already byte for byte', () => {
    for (const enabled of [
      'enabled=0',
      'enabled = No',
      'ENABLED:false',
      'enabled="0"',
      'enabled=1\nenabled=0',
    ]) {
      const { changed, unmatched } = inject(`[a]\n${enabled}\n`, EPEL, { onlyMirrored })
      assert.deepEqual([changed, unmatched], [false, []], enabled)
    }
  })

  test('leaves mirrors, inserted sections and [main] on', () => {
    const map = mapOf({ 'epel-el7': URL }, { 'epel-el7': [['x', 'http://x']] })
    const text = '[main]\na=b\n[epel-el7]\nenabled=1\n'
    assert.doesNotMatch(inject(text, map, { onlyMirrored }).text, /enabled=0/)
  })
})
