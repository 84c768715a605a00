import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { injectConfig } from '../../src/inject/inject.ts'
import { runCommand } from '../support/run-command.ts'
import { inject, mapOf, refusal } from '../support/injection.ts'
import { needs } from '../support/tools.ts'

const MAP = mapOf({ 'a-el9': 'http://m/a' }, { 'a-el9': [['x-el9', 'http://m/x']] })

const section = (id: string, url: string, end = '') =>
  `[${id}]\nenabled=1\ngpgcheck=0\nbaseurl=${url}\nname="Custom ${id}"\nmodule_hotfixes=1\n${end}\n`

function refuse(text: string): string {
  return refusal(() => injectConfig(Buffer.from(text), 'repos', MAP))
}

const UNCHECKED = 'signatures of packages are not checked: gpgcheck=0, as a list names no keys'

describe('a .repos list', () => {
  test('becomes the sections that mock_runner made of it', () => {
    const list = '# c\n\nb,http://up/b\nhttp://up/0/\n  #d\nfile:///srv/1\r\n e , http://up/e \n/srv/2'
    const { text, injected, unmatched, warnings } = inject(list, MAP, {}, 'repos')
    assert.equal(
      text,
      section('b', 'http://up/b') +
        section('repo-0', 'http://up/0/') +
        section('repo-1', 'file:///srv/1') +
        section('e', 'http://up/e') +
        section('repo-2', '/srv/2'),
    )
    assert.deepEqual(injected, [])
    assert.deepEqual(
      unmatched.map(({ id, line }) => `${line} ${id}`),
      ['3 b', '4 repo-0', '6 repo-1', '7 e', '8 repo-2'],
    )
    assert.deepEqual(warnings, [{ line: 3, text: UNCHECKED }])
  })

  test('is injected as a configuration is, with the lines of the list', () => {
    const { text, injected } = inject('\nb,http://b\n#\na-el9,http://up/a\n', MAP, {}, 'repos')
    assert.equal(
      text,
      section('b', 'http://b') +
        '[x-el9]\nbaseurl=http://m/x\nproxy=_none_\n\n' +
        section('a-el9', 'http://m/a', 'proxy=_none_\n'),
    )
    assert.deepEqual(injected, [
      { id: 'x-el9', url: 'http://m/x', line: 4 },
      { id: 'a-el9', url: 'http://m/a', previous: 'http://up/a', line: 4 },
    ])
  })

  test('knows $distro when told, in URLs alone', () => {
    const variables = new Map([['distro', 'el9']])
    const list = 'http://up/$distro/$releasever\nb-$distro,http://up/${distro}\n'
    const known = inject(list, MAP, { variables, reposOutput: 'repofrompath' }, 'repos')
    assert.equal(
      known.text,
      '--repofrompath=repo-0,http://up/el9/$releasever\n--repofrompath=b-$distro,http://up/${distro}\n',
    )
    assert.deepEqual(known.warnings, [])
    assert.deepEqual(inject(list, MAP, { reposOutput: 'repofrompath' }, 'repos').warnings, [
      { line: 1, text: 'what $distro is was not told: repo-0 keeps it' },
    ])
  })

  test('becomes arguments, without those that are to be off', () => {
    const list = 'a-el9,http://up/a\nhttp://up/0\n'
    const options = { reposOutput: 'repofrompath' } as const
    const mirrors = '--repofrompath=x-el9,http://m/x\n--repofrompath=a-el9,http://m/a\n'
    assert.equal(inject(list, MAP, options, 'repos').text, `${mirrors}--repofrompath=repo-0,http://up/0\n`)
    assert.equal(inject(list, MAP, { ...options, onlyMirrored: true }, 'repos').text, mirrors)
    assert.match(
      inject(list, MAP, { onlyMirrored: true }, 'repos').text,
      /^\[repo-0\]\nenabled=0\ngpgcheck=0\nbaseurl=http:\/\/up\/0$/m,
    )
  })

  test('leaves pinned URLs alone when asked to', () => {
    const list = 'a-el9,http://old/repos/yum/a-el9/2016-12-13-13-30\n'
    const { injected, unmatched } = inject(list, MAP, { keepPinned: true }, 'repos')
    assert.deepEqual([injected.map(({ id }) => id), unmatched], [['x-el9'], []])
  })

  test('may list an id twice: the last URL counts', () => {
    const { text, warnings } = inject('b,http://1\nc,http://2\nb,http://3\n', MAP, {}, 'repos')
    assert.equal(text, section('b', 'http://3') + section('c', 'http://2'))
    assert.deepEqual(warnings[1], { line: 3, text: 'b is listed in line 1 already: the last URL counts' })
  })

  test('may list nothing', () => {
    for (const list of ['', '\n# a\n']) assert.equal(inject(list, MAP, {}, 'repos').text, '')
  })

  const bad: [string, string][] = [
    ['a word', 'abc'],
    ['an id alone', 'b,'],
    ['a URL with a space', 'http://a b'],
    ['a URL with a comma', 'b,http://a,c'],
    ['an id with a bracket', 'b],http://a'],
    ['an id with a space', 'b c,http://a'],
    ['no id', ',http://a'],
    ['a control character', 'http://a\u0000'],
    ['a section', '[a]'],
  ]
  for (const [title, line] of bad)
    test(`is refused for ${title}`, () => {
      const message = refuse(`# a\n${line}\n`)
      assert.match(message, /^line 2: expected id,url or a url, found "/)
    })

  test('is refused when it is too long, in bounded time', () => {
    assert.match(refuse('\n'.repeat(1_100_000)), /^line 1: expected at most 1048576 bytes/)
    assert.match(refuse('http://a\n'.repeat(20_000)), /^line 10001: expected at most 10000 repositories/)
    assert.match(
      refuse(`${' '.repeat(500_000)}a${' '.repeat(500_000)}\n`),
      /^line 1: expected id,url or a url/,
    )
  })
})

test('dnf takes the arguments', needs('dnf'), async () => {
  const { text } = inject(
    'b,file:///nonexistent/b\nfile:///nonexistent/0\n',
    MAP,
    { reposOutput: 'repofrompath' },
    'repos',
  )
  const args = ['-q', '--setopt=reposdir=/nonexistent', ...text.trim().split('\n'), 'repolist', '--all']
  const { stdout, stderr } = await runCommand('dnf', args)
  assert.match(stdout, /^b +b/m, stderr)
  assert.match(stdout, /^repo-0 +repo-0/m)
})
