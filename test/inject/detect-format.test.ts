import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectFormat } from '../../src/inject/inject.ts'

test('the name of a file tells its format', () => {
  const names: [string, string][] = [
    ['epel.repo', 'yum'],
    ['/etc/yum.conf', 'yum'],
    ['dnf.conf', 'yum'],
    ['check.yumrepos.el9', 'yum'],
    ['automation/check-patch.repos', 'repos'],
    ['check-patch.repos.el9', 'repos'],
    ['CHECK.REPOS', 'repos'],
    ['epel-9-x86_64.cfg', 'mock'],
    ['templates/centos-stream-9.tpl', 'mock'],
  ]
  for (const [name, format] of names) assert.equal(detectFormat(name, Buffer.from('')), format, name)
})

test('content tells it where the name does not', () => {
  const texts: [string, string][] = [
    ['[a]\nbaseurl=b\n', 'yum'],
    ['', 'yum'],
    ['baseurl=http://a\n', 'yum'],
    ['# a\n\n[b]\nbaseurl=config_opts[\n', 'yum'],
    ["# a\nimport os\n  config_opts['root'] = 'x'\n", 'mock'],
    ["include('templates/x.tpl')\n", 'mock'],
    ['\n# a\nhttp://a/b\n', 'repos'],
    ['a-el9,https://b/c?d=e\r\n', 'repos'],
    ['a,b\n', 'yum'],
  ]
  for (const [text, format] of texts)
    for (const name of ['', 'input', 'a.txt'])
      assert.equal(detectFormat(name, Buffer.from(text)), format, text)
})

test('content of any size and kind is looked at in bounded time', () => {
  for (const text of [
    ' '.repeat(1e6),
    '\n'.repeat(1e6),
    'a,'.repeat(5e5),
    `a,${'b'.repeat(1e6)}`,
    '#\n '.repeat(3e5),
  ])
    assert.equal(detectFormat('', Buffer.from(text)), 'yum')
})
