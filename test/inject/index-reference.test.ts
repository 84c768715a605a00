import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { decodeDataUrl, isPackageUrl, resolveReference } from '../../src/inject/index-reference.ts'
import { mustRun } from '../support/run-command.ts'
import { SYSTEM_PYTHON, needs } from '../support/tools.ts'

test('statement 44: root-relative URLs with a slash at the end, as gated repositories have them, become absolute', () => {
  const base = 'http://gate.example.org:8080/repos/all_latest.json?job=1'
  assert.equal(resolveReference(base, '/tested/4711/rpm/'), 'http://gate.example.org:8080/tested/4711/rpm/')
  assert.equal(resolveReference(base, 'el8/'), 'http://gate.example.org:8080/repos/el8/')
  assert.equal(resolveReference(base, '//other/x'), 'http://other/x')
  assert.equal(resolveReference('file:///srv/index/m.yaml', '../repo'), 'file:///srv/repo')
  assert.equal(resolveReference('http://h', 'x/$basearch'), 'http://h/x/$basearch')
})

test('what is absolute stays to the last character', () => {
  for (const url of [
    'http://h',
    'http://h/a/../$releasever/${basearch}',
    'HTTP://H/%7e',
    'ftp://h/a b',
    'data:,x',
  ])
    assert.equal(resolveReference('http://base/index.json', url), url)
})

test("references resolve as Python's urljoin does it", needs('python3'), async () => {
  const path = fc
    .array(fc.constantFrom('a', 'b.c', '..', '.', 'x-$y', '~'), { maxLength: 5 })
    .map((list) => list.join('/'))
  const reference = fc
    .tuple(fc.constantFrom('', '/', '//other/', 'https://o/'), path, fc.constantFrom('', '/', '?q=1'))
    .map((parts) => parts.join(''))
    .filter((text) => text !== '' && !/^\/\/(?!o)/.test(text))
  const base = fc
    .tuple(fc.constantFrom('http://h:81/', 'https://u@h/d/', 'file:///e/'), path)
    .map((parts) => parts.join(''))
  const cases = fc.sample(fc.tuple(base, reference), { numRuns: 1_000, seed: 4 })
  const program =
    'import json, sys\nfrom urllib.parse import urljoin\nprint(json.dumps([urljoin(b, r) for b, r in json.load(sys.stdin)]))'
  const { stdout } = await mustRun(SYSTEM_PYTHON, ['-c', program], { input: JSON.stringify(cases) })
  const expected = JSON.parse(stdout) as string[]
  assert.deepEqual(
    cases.map(([from, to]) => [from, to, resolveReference(from, to)]),
    cases.map(([from, to], index) => [from, to, expected[index]]),
  )
})

test('a baseurl is one URL on one line', () => {
  for (const url of [
    'http://h/a',
    'https://h/$releasever/${basearch}/',
    'ftp://h/',
    'file:///srv/x',
    'http://[::1]:80/a+b~c%20',
  ])
    assert.ok(isPackageUrl(url), url)
  for (const url of [
    '',
    'h/a',
    '/a',
    'javascript:x',
    'http://',
    'http:// h',
    'http://h/a b',
    'http://h/a\nproxy=x',
    'http://h/\u00a0',
    'http://h/a,http://i/b',
    'http://h/\u2028',
    `http://h/${'a'.repeat(5_000)}`,
  ])
    assert.ok(!isPackageUrl(url), url)
})

const decode = (url: string) => decodeDataUrl(url)?.toString()

test('data URLs are read plain, escaped and in base64', () => {
  const json = '{"a": "http://h/%20"}'
  assert.equal(decode(`data:application/json,${json}`), json)
  assert.equal(decode(`data:application/json,${encodeURIComponent(json)}`), json)
  assert.equal(decode(`data:application/json;base64,${Buffer.from(json).toString('base64')}`), json)
  for (const url of [
    'data:,x',
    'data:text/html,{}',
    'data:application/json;base64,*',
    'data:application/json,%',
  ])
    assert.equal(decode(url), undefined, url)
})
