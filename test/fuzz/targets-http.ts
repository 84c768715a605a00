import assert from 'node:assert/strict'

import { planRanges, isRange } from '../../src/http/body-plan.ts'
import { parseRange, type ByteRange } from '../../src/http/range.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { parseRequestTarget } from '../../src/proxy/request-target.ts'
import { kindOf, type FuzzTarget } from './target.ts'

/** Range headers, against a look at every byte, and what is sent for them, against a strict reader of multipart/byteranges. */
export const RANGES: FuzzTarget = {
  name: 'ranges',
  seeds: [
    'bytes=0-0',
    'bytes=5-9,0-1',
    'bytes=-5',
    'bytes=30-',
    'bytes=0-1, 3-4 ,, 7-',
    'BYTES=1-2',
    'bytes=9-3',
    'bytes=99-',
  ],
  words: ['bytes=', '-', ',', ' ', '\t', '0', '1', '9', '40', '0-', '-1', '0-0,', ',,', '99-', '=', 'items='],
  check: (input, random) => {
    const header = input.toString('latin1')
    const size = random.below(48)
    const found = parseRange(header, size)
    assert.deepEqual(found && positionsOf(found), meaningOf(header, size))
    if (found === undefined) return 'ignored'
    if (found.length > 1) checkMultipart(found, size)
    return `${Math.min(found.length, 9)} ranges of ${size === 0 ? 'nothing' : 'something'}`
  },
}

function positionsOf(ranges: readonly ByteRange[]): number[][] {
  return ranges.map(({ start, end }) => Array.from({ length: end - start + 1 }, (_, index) => start + index))
}

/** The positions that each range asks for, as RFC 9110 §14 has it, by looking at every byte; undefined where it is ignored. */
function meaningOf(header: string, size: number): number[][] | undefined {
  const equals = header.indexOf('=')
  if (equals < 0 || header.slice(0, equals).toLowerCase() !== 'bytes') return undefined
  const specs = header
    .slice(equals + 1)
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '')
  if (specs.length === 0 || specs.length > 512) return undefined
  const wanted: number[][] = []
  for (const spec of specs) {
    const [first = '', last = '', ...more] = spec.split('-')
    if (!spec.includes('-') || more.length > 0 || /[^0-9]/.test(first + last) || first + last === '')
      return undefined
    if (first !== '' && last !== '' && Number(first) > Number(last)) return undefined
    const means = (at: number) =>
      first === '' ? at >= size - Number(last) : at >= Number(first) && (last === '' || at <= Number(last))
    wanted.push(Array.from({ length: size }, (_, at) => at).filter((at) => means(at)))
  }
  const some = wanted.filter((positions) => positions.length > 0)
  return some.length > 1 && some.flat().length > size ? undefined : some
}

/** Reads a multipart body as zchunk does: the boundary taken from the header's end, each part at once after the other. */
function checkMultipart(ranges: readonly ByteRange[], size: number): void {
  const file = Buffer.from(Array.from({ length: size }, (_, at) => 0x41 + at))
  const plan = planRanges(ranges, size, 'application/x-rpm')
  const body = Buffer.concat(
    plan.pieces.map((piece) =>
      isRange(piece) ? file.subarray(piece.start, piece.end + 1) : Buffer.from(piece),
    ),
  )
  assert.equal(body.length, plan.contentLength)
  const boundary = /; boundary=([0-9A-Za-z]+)$/.exec(plan.contentType)?.[1] ?? assert.fail('no boundary')
  let at = 0
  for (const { start, end } of ranges) {
    const head = `\r\n--${boundary}\r\nContent-Type: application/x-rpm\r\nContent-Range: bytes ${start}-${end}/${size}\r\n\r\n`
    assert.equal(body.toString('latin1', at, at + head.length), head)
    at += head.length
    assert.deepEqual(body.subarray(at, at + end - start + 1), file.subarray(start, end + 1))
    at += end - start + 1
  }
  assert.equal(body.toString('latin1', at), `\r\n--${boundary}--\r\n`)
}

/** Request targets, against what must never pass the gate, and against what WHATWG's parser makes of the same. */
export const REQUEST_TARGETS: FuzzTarget = {
  name: 'request targets',
  seeds: [
    '/',
    '/repos/yum/m/2016-12-13-13-30/Packages/b/bash-5.1-1.x86_64.rpm',
    '//a//b/',
    '/a%2Bb?x=/../',
    'http://h:80/a',
    '/%C3%A9',
    '/a%252fb',
    '/...',
  ],
  words: [
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '%252e',
    '%25',
    '%00',
    '%',
    '?',
    '#',
    '~',
    '%7E',
    '+',
    '%2b',
    '\\',
    'http://',
    'h',
    '%c3',
    '%a9',
    '%ed%a0%80',
    ';',
    '@',
    ':',
  ],
  check: (input) => {
    // Node's parser lets no white space, nor other controls, into a target.
    // oxlint-disable-next-line no-control-regex -- so it says
    const target = input.toString('latin1').replaceAll(/[\u0000-\u0020\u007f]/g, '')
    let parsed: ReturnType<typeof parseRequestTarget>
    try {
      parsed = parseRequestTarget(target)
    } catch (error) {
      assert.ok(error instanceof PinyonError && error.code === 'PATH_REFUSED', String(error))
      return kindOf(error.message)
    }
    const { segments, directory } = parsed
    for (const segment of segments) {
      assert.ok(segment !== '' && segment !== '.' && segment !== '..')
      // oxlint-disable-next-line no-control-regex -- what must not pass
      assert.doesNotMatch(segment, /[/\\\u0000-\u001f\u007f]/)
    }
    const again = `/${segments.map(encodeEveryByte).join('/')}${directory && segments.length > 0 ? '/' : ''}`
    assert.deepEqual(parseRequestTarget(again), { segments, directory }, 'one name, however it is written')
    if (!/[^\x21-\x7e]|[#]/.test(target)) assert.deepEqual(segmentsByUrl(target), segments)
    return `${Math.min(segments.length, 9)} segments${directory ? ' of a directory' : ''}`
  },
}

function encodeEveryByte(segment: string): string {
  return [...Buffer.from(segment)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

function segmentsByUrl(target: string): string[] {
  const path = target.replace(/^https?:\/\/[^/]*/i, '').replace(/\?.*/s, '')
  return new URL(`http://h/.${path}`).pathname
    .split('/')
    .filter((one) => one !== '')
    .map(decodeURIComponent)
}
