import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { PinyonError } from '../../src/model/errors.ts'
import { parseRequestTarget } from '../../src/proxy/request-target.ts'

const SEED = 20_161_213

describe('the gate of request targets', () => {
  const read: readonly (readonly [title: string, target: string, segments: readonly string[]])[] = [
    ['a plain path', '/repos/yum/a/repodata/repomd.xml', ['repos', 'yum', 'a', 'repodata', 'repomd.xml']],
    ['the top', '/', []],
    ['merged slashes', '//repos///yum', ['repos', 'yum']],
    ['a query, ignored', '/a?b/../c=%zz', ['a']],
    ['absolute form', 'http://mirrors.example.org:8080/a/b', ['a', 'b']],
    ['absolute form of another scheme', 'HTTPS://h/a', ['a']],
    ['a plus', '/a+b', ['a+b']],
    ['%2B', '/a%2Bb', ['a+b']],
    ['%2b', '/a%2bb', ['a+b']],
    ['a tilde', '/a~b', ['a~b']],
    ['%7E', '/a%7Eb', ['a~b']],
    ['a caret', '/a^b', ['a^b']],
    ['%5E', '/a%5Eb', ['a^b']],
    ['an escaped percent, decoded once', '/a%252Bb', ['a%2Bb']],
    ['dots that are no dot segment', '/.../..a/a..', ['...', '..a', 'a..']],
    ['escaped UTF-8', '/%C3%A9', ['é']],
    ['raw bytes of UTF-8, which node gives as latin1', '/\u00c3\u00a9', ['é']],
    ['both at once', '/\u00c3\u00a9%C3%A9', ['éé']],
    ['a hash, which a client should have dropped', '/a#b', ['a#b']],
  ]
  for (const [title, target, segments] of read) {
    test(`reads ${title}: ${target}`, () => assert.deepEqual(parseRequestTarget(target).segments, segments))
  }

  const refused: readonly (readonly [title: string, target: string, why: RegExp])[] = [
    ['a dot segment', '/a/../b', /dot segment/],
    ['a single dot', '/a/./b', /dot segment/],
    ['an encoded dot segment', '/a/%2e%2E/b', /dot segment/],
    ['a half encoded one', '/a/.%2e/b', /dot segment/],
    ['an encoded slash', '/a/..%2fb', /encoded slash/],
    ['an encoded backslash', '/a/..%5cb', /encoded slash/],
    ['a raw backslash', '/a/..\\b', /encoded slash/],
    ['NUL', '/a%00b', /control/],
    ['a line feed', '/a%0ab', /control/],
    ['DEL', '/a%7fb', /control/],
    ['a lone percent', '/a%', /bad percent escape/],
    ['half an escape', '/a%4', /bad percent escape/],
    ['an escape of no hex digits', '/a%zz', /bad percent escape/],
    ['an overlong slash', '/a%c0%af', /bad percent escape/],
    ['an escaped surrogate', '/a%ed%a0%80', /bad percent escape/],
    ['raw bytes that are no UTF-8', '/a\u00ff', /control/],
    ['no slash at the start', 'a/b', /no path/],
    ['an asterisk', '*', /no path/],
    ['an authority', 'example.org:443', /no path/],
    ['an absolute form without a path', 'http://example.org', /no path/],
    ['another scheme', 'ftp://example.org/a', /no path/],
    ['nothing', '', /no path/],
    ['8193 characters', `/${'a'.repeat(8_192)}`, /too long/],
  ]
  for (const [title, target, why] of refused) {
    test(`refuses ${title}`, () =>
      assert.throws(
        () => parseRequestTarget(target),
        (error) => error instanceof PinyonError && error.code === 'PATH_REFUSED' && why.test(error.message),
      ))
  }

  test('reads 8192 characters', () =>
    assert.equal(parseRequestTarget(`/${'a'.repeat(8_191)}`).segments[0]?.length, 8_191))

  test('tells a directory by its slash, before the query', () => {
    assert.deepEqual(
      ['/', '/a/', '/a/?b', '/a', '/a?b/'].map((target) => parseRequestTarget(target).directory),
      [true, true, true, false, false],
    )
  })

  test('gives safe segments, or refuses, whatever comes', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '.',
        '..',
        '%2e',
        '%2f',
        '%5c',
        '%00',
        '%25',
        '%',
        '?',
        '\\',
        'a',
        '\u0000',
        '\u00ff',
      ),
      fc.string({ maxLength: 4 }),
    )
    const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)
    fc.assert(
      fc.property(target, (text) => {
        try {
          for (const segment of parseRequestTarget(text).segments) {
            assert.ok(!['', '.', '..'].includes(segment))
            // oxlint-disable-next-line no-control-regex -- what must not come through
            assert.doesNotMatch(segment, /[/\\\u0000-\u001f\u007f]/)
          }
        } catch (error) {
          assert.ok(error instanceof PinyonError && error.code === 'PATH_REFUSED', String(error))
        }
      }),
      { seed: SEED, numRuns: 5_000 },
    )
  })

  test('finds every name again in any spelling of it', () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter(
      // oxlint-disable-next-line no-control-regex -- names that can stand in a path
      (text) => !/[/\\\u0000-\u001f\u007f\ufffd]/.test(text) && !['.', '..'].includes(text),
    )
    fc.assert(
      fc.property(name, fc.infiniteStream(fc.boolean()), (text, coins) => {
        const bytes = [...Buffer.from(text)]
        const spelled = bytes.map((byte) => {
          const plain = /[A-Za-z0-9._~+^-]/.test(String.fromCodePoint(byte))
          const escape = !plain || coins.next().value
          const hex = byte.toString(16).padStart(2, '0')
          return escape ? `%${coins.next().value ? hex.toUpperCase() : hex}` : String.fromCodePoint(byte)
        })
        assert.deepEqual(parseRequestTarget(`/${spelled.join('')}`).segments, [text])
      }),
      { seed: SEED, numRuns: 2_000 },
    )
  })
})
