import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { evaluateConditions, rangeApplies } from '../../src/http/conditions.ts'

const AT = Date.UTC(2016, 11, 13, 13, 30)
const VALIDATOR = { etag: '"abc"', lastModifiedMs: AT }

/** The three forms of RFC 9110 §5.6.7 for one moment. */
const FORMS = ['Tue, 13 Dec 2016 13:30:00 GMT', 'Tuesday, 13-Dec-16 13:30:00 GMT', 'Tue Dec 13 13:30:00 2016']
const [NOW = ''] = FORMS
const BEFORE = new Date(AT - 1000).toUTCString()
const AFTER = new Date(AT + 1000).toUTCString()

/** No HTTP dates; Date.parse reads a date from each of these. */
const NO_DATES = [
  '5',
  '2030',
  '2030-01-01',
  '2030-01-01T00:00:00Z',
  'Tue, 13 Dec 2030 13:30:00',
  'Dec 13 2030',
].concat(['Tue, 13 Dec 2030 13:30:00 +0100', 'Tue, 13 Dec 2030 13:30:00 EST', 'tomorrow 1'])

type Case = readonly [headers: Readonly<Record<string, string>>, outcome: string]

const CASES: readonly Case[] = [
  [{}, 'proceed'],
  [{ 'if-none-match': '"abc"' }, 'not_modified'],
  [{ 'if-none-match': 'W/"abc"' }, 'not_modified'],
  [{ 'if-none-match': '"x", W/"y","abc"' }, 'not_modified'],
  [{ 'if-none-match': '"a, b", "abc"' }, 'not_modified'],
  [{ 'if-none-match': ' * ' }, 'not_modified'],
  [{ 'if-none-match': '"x"' }, 'proceed'],
  [{ 'if-none-match': 'abc' }, 'proceed'],
  [{ 'if-none-match': '"abc' }, 'proceed'],
  [{ 'if-none-match': '' }, 'proceed'],
  [{ 'if-match': '"abc"' }, 'proceed'],
  [{ 'if-match': '"x", "abc"' }, 'proceed'],
  [{ 'if-match': '*' }, 'proceed'],
  [{ 'if-match': 'W/"abc"' }, 'failed'],
  [{ 'if-match': '"x"' }, 'failed'],
  [{ 'if-match': '"abc"', 'if-none-match': '"abc"' }, 'not_modified'],
  [{ 'if-match': '"x"', 'if-none-match': '"abc"' }, 'failed'],
  // Where a tag is given, dates do not count.
  [{ 'if-none-match': '"x"', 'if-modified-since': AFTER }, 'proceed'],
  [{ 'if-match': '"abc"', 'if-unmodified-since': BEFORE }, 'proceed'],
  [{ 'if-unmodified-since': BEFORE }, 'failed'],
  [{ 'if-unmodified-since': AFTER }, 'proceed'],
  [{ 'if-modified-since': BEFORE }, 'proceed'],
  [{ 'if-modified-since': AFTER }, 'not_modified'],
  ...FORMS.map((date): Case => [{ 'if-modified-since': date }, 'not_modified']),
  ...FORMS.map((date): Case => [{ 'if-unmodified-since': date }, 'proceed']),
  ...NO_DATES.map((date): Case => [{ 'if-modified-since': date }, 'proceed']),
  [{ 'if-unmodified-since': '5' }, 'proceed'],
]

describe('preconditions', () => {
  for (const [headers, outcome] of CASES)
    test(`${JSON.stringify(headers)}: ${outcome}`, () =>
      assert.equal(evaluateConditions(headers, VALIDATOR), outcome))

  test('by date do not count for what has none', () => {
    const undated = { etag: '"abc"', lastModifiedMs: undefined }
    assert.equal(evaluateConditions({ 'if-modified-since': AFTER }, undated), 'proceed')
    assert.equal(evaluateConditions({ 'if-unmodified-since': BEFORE }, undated), 'proceed')
    assert.equal(evaluateConditions({ 'if-none-match': '"abc"' }, undated), 'not_modified')
  })
})

describe('If-Range', () => {
  const cases: readonly (readonly [ifRange: string | undefined, applies: boolean])[] = [
    [undefined, true],
    ['"abc"', true],
    ['"abc" ', true],
    ['"x"', false],
    ['W/"abc"', false],
    ['abc', false],
    ['*', false],
    [NOW, true],
    [BEFORE, false],
    [AFTER, false],
    ['', false],
  ]
  for (const [ifRange, applies] of cases)
    test(`${ifRange ?? 'absent'}: ${applies}`, () =>
      assert.equal(rangeApplies(ifRange === undefined ? {} : { 'if-range': ifRange }, VALIDATOR), applies))

  test('never matches what has no date by something that is none', () => {
    assert.equal(rangeApplies({ 'if-range': 'W/"abc"' }, { etag: '"abc"', lastModifiedMs: undefined }), false)
  })
})
