import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { removeMirror, removePin, setPin } from '../../src/config/edit.ts'
import { PinyonError, type ErrorCode } from '../../src/model/errors.ts'

const OLD = '2016-12-13-13-30'
const NEW = '2026-11-22-02-13'
const BARE = 'mirrors:\n  m:\n    baseurl: http://h/\n'

/** Texts before and after setPin(text, 'm', NEW, why). */
const SET: readonly [name: string, before: string, after: string, why?: string][] = [
  ['at the end', BARE, `${BARE}    pin: ${NEW}\n`],
  ['with a reason', BARE, `${BARE}    pin: ${NEW}  # # it's "bad"\n`, '# it\'s\n "bad"\n'],
  ['no final newline', BARE.trimEnd(), `${BARE}    pin: ${NEW}`],
  ['CRLF', BARE.replaceAll('\n', '\r\n'), `${BARE}    pin: ${NEW}  # ä\n`.replaceAll('\n', '\r\n'), 'ä'],
  [
    'mixed line breaks',
    '# LF\nmirrors:\r\n  m:\r\n    baseurl: x\r\n  n:\n',
    `# LF\nmirrors:\r\n  m:\r\n    baseurl: x\r\n    pin: ${NEW}\r\n  n:\n`,
  ],
  [
    'mixed line breaks, none at the end',
    'mirrors:\n  m:\r\n    baseurl: x',
    `mirrors:\n  m:\r\n    baseurl: x\r\n    pin: ${NEW}`,
  ],
  ['BOM and markers', `\ufeff---\n${BARE}...\n`, `\ufeff---\n${BARE}    pin: ${NEW}\n...\n`],
  [
    'before comments of the next mirror',
    `${BARE}    retries: 3  # r \n  # n's\n\n  n: *x\n`.replace('*x', '{baseurl: "http://n/"}'),
    `${BARE}    retries: 3  # r \n    pin: ${NEW}\n  # n's\n\n  n: {baseurl: "http://n/"}\n`,
  ],
  [
    'after a list and a block scalar',
    'mirrors:\n        m:\n           proxy: |-\n             x\n\n           baseurl:\n           - a # b\n\n',
    `mirrors:\n        m:\n           proxy: |-\n             x\n\n           baseurl:\n           - a # b\n           pin: ${NEW}\n\n`,
  ],
  [
    'after a block scalar that keeps its line breaks',
    'mirrors:\n  m:\n    a: |+\n      x\n\n  n:\n',
    `mirrors:\n  m:\n    a: |+\n      x\n\n    pin: ${NEW}\n  n:\n`,
  ],
  [
    'quoted names',
    '"mirrors":\n  \'m\':\n    "baseurl": x\n',
    `"mirrors":\n  'm':\n    "baseurl": x\n    pin: ${NEW}\n`,
  ],
  ['in its place', `${BARE}    pin: ${OLD}\n    retries: 1\n`, `${BARE}    pin: ${NEW}\n    retries: 1\n`],
  ['dropping the reason of the old', `${BARE}    pin: ${OLD} # old\n`, `${BARE}    pin: ${NEW}\n`],
  ['replacing the reason', `${BARE}    pin: ${OLD}   #old\n`, `${BARE}    pin: ${NEW}   # new\n`, 'new'],
  ['keeping quotes', `${BARE}    pin: '${OLD}'  \n`, `${BARE}    pin: '${NEW}'  \n`],
  ['double quotes, a tag', `${BARE}    pin: !!str "${OLD}"\n`, `${BARE}    pin: !!str "${NEW}"  # x\n`, 'x'],
  ['nothing', `${BARE}    pin:\n`, `${BARE}    pin: ${NEW}\n`],
  ['nothing, commented', `${BARE}    pin:   # a\n`, `${BARE}    pin: ${NEW}   # b\n`, 'b'],
  ['the same', `${BARE}    pin: ${NEW}\n`, `${BARE}    pin: ${NEW}\n`],
  ['a variable', `${BARE}    pin: \${PIN}\n`, `${BARE}    pin: ${NEW}\n`],
  ['flow', 'mirrors:\n  m: { baseurl: x } # c\n', `mirrors:\n  m: { baseurl: x, pin: ${NEW} } # c\n`],
  ['flow with a comma', 'mirrors: {m: {baseurl: x, }}\n', `mirrors: {m: {baseurl: x, pin: ${NEW}, }}\n`],
  [
    'flow with a reason',
    'mirrors:\n  m: { baseurl: x } # c\n',
    `mirrors:\n  m: { baseurl: x,\n    pin: ${NEW}  # why\n     } # c\n`,
    'why',
  ],
  ['an empty flow', 'mirrors: {m: { }}', `mirrors: {m: { pin: ${NEW} }}`],
  [
    'flow on lines',
    'mirrors:\n  m: {\n    baseurl: x # a\n    # b\n  }\n',
    `mirrors:\n  m: {\n    baseurl: x, # a\n    pin: ${NEW}  # why\n    # b\n  }\n`,
    'why',
  ],
  [
    'flow on lines with a comma, and tabs',
    '{mirrors: {m: {\n\tbaseurl: x, # a\n  }}}\n',
    `{mirrors: {m: {\n\tbaseurl: x, # a\n\tpin: ${NEW},\n  }}}\n`,
  ],
  [
    'a pin within a flow',
    `mirrors: {m: {pin: ${OLD}, baseurl: x}} # c\n`,
    `mirrors: {m: {pin: ${NEW}, baseurl: x}} # c\n`,
  ],
  [
    'a pin within a flow, with a reason',
    `mirrors: {m: {pin: ${OLD}, baseurl: x}} # c\n`,
    `mirrors: {m: {pin: ${NEW},  # why\n   baseurl: x}} # c\n`,
    'why',
  ],
  [
    'a pin that ends a line of a flow',
    `mirrors: {m: {pin: ${OLD}, # old\n  baseurl: x}} # c\n`,
    `mirrors: {m: {pin: ${NEW},\n  baseurl: x}} # c\n`,
  ],
  [
    'JSON',
    '{"mirrors": {"m": {"baseurl": "http://h/"}}}\n',
    `{"mirrors": {"m": {"baseurl": "http://h/", "pin": "${NEW}"}}}\n`,
  ],
  [
    'an anchor nobody uses',
    'mirrors:\n  m: &m\n    a: &b x\n',
    `mirrors:\n  m: &m\n    a: &b x\n    pin: ${NEW}\n`,
  ],
]

/** Texts before and after removePin(text, 'm'). */
const UNSET: readonly [name: string, before: string, after: string][] = [
  ['a line', `${BARE}    pin: ${OLD} # why\n    # x\n`, `${BARE}    # x\n`],
  ['the last line', `${BARE}    pin: ${OLD}`, BARE.trimEnd()],
  ['none', `${BARE}# pin: x`, `${BARE}# pin: x`],
  ['none, null', 'mirrors: {m: }', 'mirrors: {m: }'],
  ['the only key', `mirrors:\n  m:\n    pin: ${OLD}\n  n:\n`, 'mirrors:\n  m:\n  n:\n'],
  ['flow, first', `mirrors: {m: {pin: ${OLD}, a: 1 }}`, 'mirrors: {m: { a: 1 }}'],
  [
    'flow, after a comment',
    `mirrors: {m: {a: 1, # c\n  pin: ${OLD}, b: 2 }}`,
    'mirrors: {m: {a: 1, # c\n   b: 2 }}',
  ],
  ['flow, only', `mirrors: {m: {pin: ${OLD}}}`, 'mirrors: {m: {}}'],
  [
    'a line of a flow, under another line break',
    `mirrors:\n  m: {\r\n    a: 1,\r\n    pin: ${OLD},\n    b: 2 }\n`,
    'mirrors:\n  m: {\r\n    a: 1,\r\n    b: 2 }\n',
  ],
  ['two lines', `${BARE}    pin:\n      ${OLD}\n`, BARE],
]

const FARM = `mirrors:
  # Farm: not a's

  # a
  # and more of a
  a:
    baseurl: http://a/
    # commented out: a's own

    # too
  # b
  b: {baseurl: http://b/} # b's
  c:
`

/** Mirrors of FARM, or of a text of their own, with what is left without them. */
const REMOVE: readonly [name: string, mirror: string, before: string, after: string][] = [
  ['a', 'a', FARM, FARM.replace(/ {2}# a\n[^]*# too\n/, '')],
  ['b', 'b', FARM, FARM.replace(/ {2}# b\n.*\n/, '')],
  ['c, which is null', 'c', FARM, FARM.replace('  c:\n', '')],
  ['the one after comments of another', 'n', `${BARE}    # own\n  n:\n`, `${BARE}    # own\n`],
  ['the only one', 'm', `${BARE}listen: 1\n`, 'mirrors:\nlisten: 1\n'],
  ['the last line', 'n', `${BARE}  n: {}`, BARE.trimEnd()],
  ['the only one in a flow', 'm', 'mirrors: {m: {a: 1}}', 'mirrors: {}'],
  ['the last in a flow', 'n', 'mirrors: { m: {a: 1}, n: *x }'.replace('*x', '1'), 'mirrors: { m: {a: 1} }'],
  [
    'in a flow on lines',
    'n',
    'mirrors: {\n  m: {a: 1}, # m\n  # n\n  n: {a: 1}, # n\n  # o\n  o: 1\n}\n',
    'mirrors: {\n  m: {a: 1}, # m\n  # o\n  o: 1\n}\n',
  ],
  ['an alias', 'b', 'mirrors:\n  a: &a {x: 1}\n  b: *a\n', 'mirrors:\n  a: &a {x: 1}\n'],
  ['anchors of its own', 'a', 'mirrors:\n  a: {x: &a 1, y: *a}\n  b: 1\n', 'mirrors:\n  b: 1\n'],
]

describe('setPin', () => {
  for (const [name, before, after, why] of SET)
    test(name, () => assert.equal(setPin(before, 'm', NEW, why), after))

  test('twice with other reasons is once', () => {
    for (const [, before] of SET)
      assert.equal(
        setPin(setPin(before, 'm', OLD, 'a'), 'm', NEW, 'b'),
        setPin(setPin(before, 'm', NEW, 'a'), 'm', NEW, 'b'),
      )
  })

  test('and removePin give the original back', () => {
    const unpinned = SET.filter(([, before]) => !before.includes('pin'))
    assert.ok(unpinned.length > 10)
    for (const [, before] of unpinned) {
      assert.equal(removePin(setPin(before, 'm', NEW), 'm'), before)
      assert.equal(removePin(setPin(before, 'm', NEW, 'why'), 'm'), before)
    }
  })
})

describe('removePin', () => {
  for (const [name, before, after] of UNSET) test(name, () => assert.equal(removePin(before, 'm'), after))
})

describe('removeMirror', () => {
  for (const [name, mirror, before, after] of REMOVE)
    test(name, () => assert.equal(removeMirror(before, mirror), after))
})

describe('what cannot be edited is refused', () => {
  const refused: readonly [string, () => string, ErrorCode, RegExp][] = [
    ['an unknown mirror', () => setPin(BARE, 'x', NEW), 'NOT_FOUND', /: "x"$/],
    ['no mirrors', () => removeMirror('listen: 1', 'm'), 'NOT_FOUND', /no mirror of that name/],
    ['null mirrors', () => removePin('mirrors:\n', 'm'), 'NOT_FOUND', /no mirror of that name/],
    ['an empty file', () => removePin('', 'm'), 'NOT_FOUND', /no mirror of that name/],
    [
      'no snapshot',
      () => setPin(BARE, 'm', 'latest'),
      'CONFIG_INVALID',
      /found "latest", expected a snapshot/,
    ],
    ['a null mirror', () => setPin('mirrors:\n  m:\n', 'm', NEW), 'CONFIG_INVALID', /is not a mapping/],
    [
      'an alias',
      () => setPin('mirrors:\n  a: &a {x: 1}\n  m: *a\n', 'm', NEW),
      'CONFIG_INVALID',
      /by the alias "a"/,
    ],
    [
      'an alias, removed',
      () => removePin('mirrors:\n  a: &a {pin: 1}\n  m: *a\n', 'm'),
      'CONFIG_INVALID',
      /by the alias/,
    ],
    [
      'a mapping repeated',
      () => setPin('mirrors:\n  m: &a {x: 1}\n  b: *a\n', 'm', NEW),
      'CONFIG_INVALID',
      /repeated elsewhere/,
    ],
    [
      'all of them an alias',
      () => setPin('x: &a {m: {}}\nmirrors: *a\n', 'm', NEW),
      'CONFIG_INVALID',
      /"mirrors" is an alias/,
    ],
    [
      'a value repeated',
      () => removeMirror('mirrors:\n  m: {x: &a 1}\n  b: *a\n', 'm'),
      'CONFIG_INVALID',
      /alias of a$/,
    ],
    [
      'a pin repeated',
      () => setPin(`mirrors:\n  m:\n    pin: &p ${OLD}\n  b: {pin: *p}\n`, 'm', NEW),
      'CONFIG_INVALID',
      /would have changed more/,
    ],
    [
      'blank lines that would become part of a value',
      () => removePin(`mirrors:\n  m:\n    a: |+\n      x\n    pin: ${OLD}\n\n`, 'm'),
      'CONFIG_INVALID',
      /would have changed more/,
    ],
    [
      'a comment that would become part of a value',
      () => removePin(`mirrors:\n  m:\n    a: |\n      x\n    pin: ${OLD}\n      # c\n`, 'm'),
      'CONFIG_INVALID',
      /would have changed more/,
    ],
    [
      'a mirror twice',
      () => removeMirror('mirrors:\n  m: 1\n  m: 2\n', 'm'),
      'CONFIG_INVALID',
      /a second one of the key "m"/,
    ],
    [
      'a pin twice',
      () => removePin('mirrors: {m: {pin: 1, pin: 2}}', 'm'),
      'CONFIG_INVALID',
      /a second one of the key "pin"/,
    ],
    [
      'a pin of lines',
      () => setPin(`${BARE}    pin: |\n      x\n`, 'm', NEW),
      'CONFIG_INVALID',
      /one word on one line/,
    ],
    [
      'a tab',
      () => setPin(`${BARE}\tretries: 1\n`, 'm', NEW),
      'CONFIG_INVALID',
      /line 4: found a YAML error \(Tabs/,
    ],
    [
      'two documents',
      () => removePin(`${BARE}---\n${BARE}`, 'm'),
      'CONFIG_INVALID',
      /line 4: found a second YAML document/,
    ],
    ['an alias of nothing', () => removePin('mirrors: {m: *x}', 'm'), 'CONFIG_INVALID', /cannot be read/],
    ['too deep', () => removePin(`a: ${'['.repeat(1e6)}`, 'm'), 'CONFIG_INVALID', /at most 32 levels/],
  ]
  for (const [name, action, code, message] of refused) {
    test(name, () => {
      assert.throws(action, (thrown) => {
        assert.ok(thrown instanceof PinyonError)
        assert.equal(thrown.code, code)
        assert.match(thrown.message, message)
        return true
      })
    })
  }
})

function golden(name: string): string {
  return readFileSync(new URL(`golden/${name}.golden`, import.meta.url), 'utf8')
}

describe('a farm with many comments', () => {
  const before = golden('farm')

  test('three pins', () => {
    const epel = setPin(before, 'epel-el9', NEW, 'glibc of 11-23 breaks mock; see #4711')
    const flow = setPin(epel, 'centos-crb-el9', NEW)
    assert.equal(setPin(flow, 'centos-base-el7', NEW, 'the last good one'), golden('farm-pinned'))
  })

  test('as a whole back at a generation', () => {
    const mirrors = ['centos-baseos-el9', 'centos-crb-el9', 'epel-el9', 'in-house']
    const el7 = setPin(before, 'centos-base-el7', '2024-06-30-00-00', 'generation 117')
    const back = mirrors.reduce((text, mirror) => setPin(text, mirror, NEW, 'generation 117'), el7)
    assert.equal(back, golden('farm-rolled-back'))
  })

  test('no pins', () => {
    const pinned = ['epel-el9', 'centos-crb-el9', 'centos-base-el7']
    assert.equal(
      pinned.reduce((text, mirror) => removePin(text, mirror), golden('farm-pinned')),
      golden('farm-unpinned'),
    )
  })

  test('fewer mirrors', () => {
    const gone = ['centos-base-el7', 'centos-crb-el9', 'epel-el9']
    assert.equal(
      gone.reduce((text, mirror) => removeMirror(text, mirror), before),
      golden('farm-removed'),
    )
  })
})
