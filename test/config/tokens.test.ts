import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { formatConfig } from '../../src/config/format.ts'
import { ConfigFile } from './support.ts'

const SECRET = 'hunter2-hunter2-hunter2'
const EXPECTED = 'expected a file of one line that holds a token of at least 16 characters'

describe('tokens', () => {
  test('are read at each load, trimmed, and kept as hashes', (t) => {
    const config = new ConfigFile(t)
    const file = join(config.dir, 'ci-token')
    const text = 'tokens:\n  ci: { file: ./ci-token }\n'
    for (const secret of [SECRET, `${SECRET}2`]) {
      writeFileSync(file, ` ${secret}\r\n\n`)
      const loaded = config.load(text)
      assert.deepEqual(loaded.tokens, new Map([['ci', { file, sha256: hash('sha256', secret, 'buffer') }]]))
      assert.ok(!JSON.stringify([...(loaded.tokens ?? [])]).includes(SECRET))
    }
  })

  test('that are none leave no trace', (t) => {
    const config = new ConfigFile(t)
    for (const text of ['', 'tokens:', 'tokens: {}']) assert.equal('tokens' in config.load(text), false)
  })

  test('are shown as names and paths, which load again', (t) => {
    const config = new ConfigFile(t)
    writeFileSync(join(config.dir, 'a b'), SECRET)
    const loaded = config.load('tokens: { ci: { file: "a b" } }')
    const shown = formatConfig(loaded)
    assert.ok(shown.includes(join(config.dir, 'a b')) && !shown.includes(SECRET))
    for (const { sha256 } of loaded.tokens?.values() ?? []) {
      assert.ok(!shown.includes(Buffer.from(sha256).toString('hex')))
    }
    assert.deepEqual(config.load(shown).tokens, loaded.tokens)
  })

  test('of which two are one are refused: who wrote could not be told', (t) => {
    const config = new ConfigFile(t)
    writeFileSync(join(config.dir, 'one'), SECRET)
    writeFileSync(join(config.dir, 'two'), `${SECRET}\n`)
    assert.deepEqual(config.problems('tokens:\n  a: { file: one }\n  b: { file: two }\n'), [
      'pinyon.yaml:3: tokens.b.file: found "two", expected a token other than that of a',
    ])
  })

  test('have names that can stand in a history', (t) => {
    const config = new ConfigFile(t)
    writeFileSync(join(config.dir, 'one'), SECRET)
    for (const name of ['a b', 'ä', '""', 'x'.repeat(65), '"a\\nb"', '__proto__x/'])
      assert.match(
        config.problems(`tokens: { ${name}: { file: one } }`).join('\n'),
        /^pinyon\.yaml:1: tokens\..*: found the name ".*", expected a token name of up to 64 letters, digits and \. _ -$/,
      )
  })

  test('are mappings with a file and nothing else', (t) => {
    const config = new ConfigFile(t)
    assert.deepEqual(
      config.problems(
        'tokens:\n  a: hunter2-hunter2\n  b: {}\n  c: { file: x, token: y }\n  d: { file: 7 }\n',
      ),
      [
        'pinyon.yaml:2: tokens.a: found no mapping, expected a mapping with a file',
        'pinyon.yaml:3: tokens.b.file: found nothing, expected the path of a file that holds a token',
        'pinyon.yaml:4: tokens.c.token: found an unknown key, expected one of file',
        'pinyon.yaml:5: tokens.d.file: found 7, expected the path of a file that holds a token',
      ],
    )
    assert.match(
      config.problems('tokens: [a]').join('\n'),
      /tokens: found a list, expected a mapping of token names/,
    )
  })
})

/** What a file may hold that is no token, and the reason that is given. */
const REFUSED: readonly [name: string, content: string, reason: string][] = [
  ['nothing', '\n \n', '(it holds fewer)'],
  ['too little', 'abcdefghijklmno\n', '(it holds fewer)'],
  ['two lines', `${SECRET}\n${SECRET}\n`, '(it holds blanks, line breaks or characters beyond ASCII)'],
  ['blanks', 'correct horse battery', '(it holds blanks, line breaks or characters beyond ASCII)'],
  ['other characters', `${SECRET}ä`, '(it holds blanks, line breaks or characters beyond ASCII)'],
  ['a NUL', `${SECRET}\0x`, '(it holds blanks, line breaks or characters beyond ASCII)'],
  ['too much', SECRET.repeat(179), '(it is larger than 4096 bytes)'],
]

describe('the file of a token', () => {
  for (const [name, content, reason] of REFUSED)
    test(`holding ${name} is refused with line and path, and nothing of what is in it`, (t) => {
      const config = new ConfigFile(t)
      writeFileSync(join(config.dir, 'f'), content)
      assert.deepEqual(config.problems('tokens:\n  ci:\n    file: f\n'), [
        `pinyon.yaml:3: tokens.ci.file: found "f", ${EXPECTED} ${reason}`,
      ])
    })

  test('of 4 KiB is read whole', (t) => {
    const config = new ConfigFile(t)
    const secret = 'x'.repeat(4095)
    writeFileSync(join(config.dir, 'f'), `${secret}\n`)
    const { sha256 } = config.load('tokens: { ci: { file: f } }').tokens?.get('ci') ?? {}
    assert.deepEqual(sha256, hash('sha256', secret, 'buffer'))
  })

  test('that is missing, a directory, a pipe or a device is refused at once', (t) => {
    const config = new ConfigFile(t)
    mkdirSync(join(config.dir, 'directory'))
    execFileSync('mkfifo', [join(config.dir, 'pipe')])
    for (const [file, reason] of [
      ['missing', 'ENOENT'],
      ['directory', 'not a regular file'],
      ['pipe', 'not a regular file'],
      ['/dev/zero', 'not a regular file'],
    ] as const)
      assert.deepEqual(config.problems(`tokens: { ci: { file: ${file} } }`), [
        `pinyon.yaml:1: tokens.ci.file: found "${file}", ${EXPECTED} (reading ${file}: ${reason})`,
      ])
  })
})
