import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { digestHex, digestOf } from '../../src/model/digest.ts'
import { Turns } from '../../src/system/turns.ts'
import { httpGet } from '../support/http-get.ts'
import type { SyntheticPackage, WrittenPackage } from '../support/synthetic-repository.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { forgetSizes } from './forget-sizes.ts'
import { readMultipart } from './multipart.ts'
import { LAST_MODIFIED, SNAPSHOT, startSite, type Site } from './site.ts'

const SMALL = seededBytes('small', 1_000)
const LARGE = seededBytes('large', 300_000)

const PACKAGES: readonly SyntheticPackage[] = [
  { name: 'small', href: 'Packages/small.rpm', content: SMALL },
  { name: 'large', href: 'Packages/large.rpm', content: LARGE },
  { name: 'empty', href: 'Packages/empty.rpm', content: Buffer.alloc(0) },
]

const FILES = ['Packages/small.rpm', 'Packages/large.rpm', 'Packages/empty.rpm', 'repodata/repomd.xml']

async function warm(site: Site): Promise<void> {
  for (const file of FILES) assert.equal((await httpGet(`${site.url}${site.base}${file}`)).status, 200)
  await site.filled(PACKAGES.length)
}

/** The header lines but for those that differ from one answer to the next. */
function stable(lines: readonly string[]): string[] {
  return lines.filter((line) => !/^(?:Date|X-Cache|X-Request-Id):/.test(line))
}

describe('a file of a snapshot', () => {
  test('of which many clients ask for 256 ranges at once leaves others their turns', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    await warm(site)
    const ask = async (range: string) =>
      await httpGet(`${site.url}${site.base}Packages/large.rpm`, { headers: { range } })
    // What is asked for a few times is kept in memory, where no read of a disk stands between two ranges.
    for (let time = 0; time < 4; time += 1) await ask('bytes=0-9')
    const taken = t.mock.method(Turns.prototype, 'call').mock
    const ranges = Array.from({ length: 256 }, (_, index) => `${index * 1_000}-${index * 1_000 + 9}`)
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask(`bytes=${ranges.join(',')}`)))
    for (const { status } of replies) assert.equal(status, 206)
    // To look what is asked for, to put it together, and to send it.
    assert.equal(taken.callCount(), 20 * 3)
  })

  test('has exactly these headers, in this spelling', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const etag = `"${digestHex(digestOf(SMALL))}"`
    for (const outcome of ['fill', 'hit', 'hit']) {
      const reply = await connection.get(`${site.base}Packages/small.rpm`)
      assert.equal(reply.statusLine, 'HTTP/1.1 200 OK')
      assert.deepEqual(
        reply.lines.filter((line) => !/^(?:Date|X-Request-Id):/.test(line)),
        [
          'Content-Type: application/x-rpm',
          'Content-Length: 1000',
          `ETag: ${etag}`,
          `Last-Modified: ${LAST_MODIFIED}`,
          'Cache-Control: public, max-age=31536000, immutable',
          'Accept-Ranges: bytes',
          'X-Content-Type-Options: nosniff',
          `X-Cache: ${outcome}`,
          `X-Pinyon-Snapshot: ${SNAPSHOT}`,
          'Connection: keep-alive',
          'Keep-Alive: timeout=120',
        ],
      )
      assert.deepEqual(reply.body, SMALL)
      await site.filled()
    }
    assert.equal(site.upstream.count(), 1)
  })

  test('has the same headers for HEAD, which asks nobody upstream', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const heads = []
    for (const file of FILES) heads.push(await connection.get(site.base + file, { method: 'HEAD' }))
    assert.equal(site.upstream.count(), 0)
    for (const [index, file] of FILES.entries()) {
      const get = await connection.get(site.base + file)
      const again = await connection.get(site.base + file, { method: 'HEAD' })
      assert.deepEqual([heads[index]?.status, again.status, get.status], [200, 200, 200])
      assert.deepEqual(stable(heads[index]?.lines ?? []), stable(get.lines))
      assert.deepEqual(stable(again.lines), stable(get.lines))
    }
  })

  test('is not changed by what clients say about caches, or by a query', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    await warm(site)
    const asked = site.upstream.count()
    const headers = { 'Cache-Control': 'no-cache', Pragma: 'no-cache', 'Accept-Encoding': 'gzip, br' }
    for (const query of ['', '?', '?x=1', '?../..']) {
      const reply = await httpGet(`${site.url}${site.base}Packages/large.rpm${query}`, { headers })
      assert.deepEqual([reply.status, reply.headers['x-cache']], [200, 'hit'])
      assert.equal(reply.headers['content-encoding'], undefined)
      assert.deepEqual(reply.body, LARGE)
    }
    assert.equal(site.upstream.count(), asked)
  })

  test('is one file in every spelling of its name', async (t) => {
    const href = 'Packages/lib+x~1^2%2B é.rpm'
    const site = await startSite(t, { packages: [{ name: 'x', href }] })
    const connection = await site.connect()
    const ask = async (name: string) => (await connection.get(`${site.base}Packages/${name}.rpm`)).status
    for (const spelling of [
      'lib+x~1^2%252B%20%C3%A9',
      'lib%2Bx%7E1%5E2%252B%20%c3%a9',
      'lib%2bx%7e1%5e2%252B%20%C3%A9',
    ])
      assert.equal(await ask(spelling), 200, spelling)
    // Hrefs are taken literally: this asks for `%2b`, and that for `+`.
    assert.equal(await ask('lib+x~1^2%252b%20%C3%A9'), 404)
    assert.equal(await ask('lib+x~1^2%2B%20%C3%A9'), 404)
    assert.equal(site.upstream.count(), 1)
  })

  test('answers conditions by its digest and its date', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const etag = `"${digestHex(digestOf(SMALL))}"`
    const cases: readonly (readonly [header: string, status: number])[] = [
      [`If-None-Match: ${etag}`, 304],
      [`If-None-Match: "x", W/${etag}`, 304],
      ['If-None-Match: *', 304],
      ['If-None-Match: "x"', 200],
      [`If-Modified-Since: ${LAST_MODIFIED}`, 304],
      ['If-Modified-Since: Tue, 13 Dec 2016 13:30:11 GMT', 200],
      [`If-Match: ${etag}`, 200],
      ['If-Match: "x"', 412],
      [`If-Unmodified-Since: ${LAST_MODIFIED}`, 200],
      ['If-Unmodified-Since: Tue, 13 Dec 2016 13:30:11 GMT', 412],
    ]
    // Without asking upstream, where the answer needs no bytes; on one connection throughout.
    for (const [header, status] of cases.toSorted((a, b) => b[1] - a[1])) {
      const reply = await connection.get(`${site.base}Packages/small.rpm`, { headers: [header] })
      assert.equal(reply.status, status, header)
      if (status !== 200) assert.equal(site.upstream.count(), 0)
      assert.equal(reply.header('x-pinyon-snapshot'), SNAPSHOT)
      if (status !== 304) continue
      assert.deepEqual([reply.header('etag'), reply.header('last-modified')], [etag, LAST_MODIFIED])
      assert.match(reply.header('cache-control') ?? '', /immutable/)
      assert.deepEqual([reply.header('x-cache'), reply.header('content-length')], ['not_modified', undefined])
    }
  })
})

describe('ranges of a file', () => {
  test('are the bytes that a look at the whole says, cold, from memory and from disk', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    for (const [name, file] of [
      ['small', SMALL],
      ['large', LARGE],
    ] as const) {
      const ask = (range: string) =>
        connection.get(`${site.base}Packages/${name}.rpm`, { headers: [`Range: ${range}`] })
      const size = file.length
      const cases: readonly (readonly [range: string, start: number, end: number])[] = [
        ['bytes=0-0', 0, 0],
        ['bytes=10-19', 10, 19],
        ['bytes=-5', size - 5, size - 1],
        [`bytes=${size - 1}-`, size - 1, size - 1],
        [`bytes=0-${size + 5}`, 0, size - 1],
        [`bytes=-${size + 5}`, 0, size - 1],
        ['bytes=500-', 500, size - 1],
      ]
      for (const [range, start, end] of cases) {
        const reply = await ask(range)
        assert.deepEqual(
          [reply.status, reply.header('content-range')],
          [206, `bytes ${start}-${end}/${size}`],
          range,
        )
        assert.ok(reply.lines.includes(`Content-Length: ${end - start + 1}`))
        assert.deepEqual(reply.body, file.subarray(start, end + 1))
      }
      const unsatisfiable = await ask(`bytes=${size}-`)
      assert.deepEqual(
        [unsatisfiable.status, unsatisfiable.header('content-range')],
        [416, `bytes */${size}`],
      )
      assert.match(unsatisfiable.header('x-pinyon-reason') ?? '', /no such range/)
      const ignored = await ask('bytes=5-4')
      assert.deepEqual([ignored.status, ignored.body.length], [200, size])
      const flood = await ask(`bytes=${Array(500).fill('0-').join(',')}`)
      assert.deepEqual([flood.status, flood.body.length], [200, size])
    }
    const empty = await connection.get(`${site.base}Packages/empty.rpm`, { headers: ['Range: bytes=0-'] })
    assert.deepEqual([empty.status, empty.header('content-range')], [416, 'bytes */0'])
  })

  test('come many at once, in the form that zchunk reads', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    for (const [name, file] of [
      ['small', SMALL],
      ['large', LARGE],
    ] as const) {
      const step = Math.floor(file.length / 256)
      const asked = Array.from({ length: 256 }, (_, index) => ({
        start: index * step,
        end: index * step + (step >> 1),
      }))
      const header = `Range: bytes=${asked.map(({ start, end }) => `${start}-${end}`).join(',')}`
      for (const round of ['cold', 'warm']) {
        const reply = await connection.get(`${site.base}Packages/${name}.rpm`, { headers: [header] })
        assert.deepEqual([reply.status, reply.header('content-range')], [206, undefined], round)
        const expected = asked.map(({ start, end }) => ({
          start,
          end,
          total: file.length,
          bytes: file.subarray(start, end + 1),
        }))
        assert.deepEqual(readMultipart(reply.header('content-type') ?? '', reply.body), expected)
      }
    }
    assert.equal(site.upstream.count(), 2)
  })

  test('count only for the file that If-Range means, and for GET', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const etag = `"${digestHex(digestOf(SMALL))}"`
    const ask = (...headers: string[]) =>
      connection.get(`${site.base}Packages/small.rpm`, { headers: ['Range: bytes=0-9', ...headers] })
    assert.equal((await ask(`If-Range: ${etag}`)).status, 206)
    assert.equal((await ask(`If-Range: ${LAST_MODIFIED}`)).status, 206)
    for (const other of ['"x"', `W/${etag}`, 'Tue, 13 Dec 2016 13:30:13 GMT']) {
      const { status, body } = await ask(`If-Range: ${other}`)
      assert.deepEqual([status, body.length], [200, 1_000])
    }
    assert.equal((await ask(`If-None-Match: ${etag}`)).status, 304)
    const head = await connection.get(`${site.base}Packages/small.rpm`, {
      method: 'HEAD',
      headers: ['Range: bytes=5000-'],
    })
    assert.deepEqual([head.status, head.header('content-length')], [200, '1000'])
  })

  test('agree with a reference, whatever is asked', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    await warm(site)
    const connection = await site.connect()
    const number = fc.oneof(fc.nat({ max: 1_100 }), fc.constantFrom(0, 999, 1_000, 1_001))
    const spec = fc.tuple(fc.option(number), fc.option(number)).map(([a, b]) => `${a ?? ''}-${b ?? ''}`)
    await fc.assert(
      fc.asyncProperty(fc.array(spec, { minLength: 1, maxLength: 4 }), async (specs) => {
        const reply = await connection.get(`${site.base}Packages/small.rpm`, {
          headers: [`Range: bytes=${specs.join(',')}`],
        })
        const meant = referenceRanges(specs, SMALL.length)
        const total = (meant ?? []).reduce((sum, [start, end]) => sum + end - start + 1, 0)
        if (meant === undefined || (meant.length > 1 && total > SMALL.length)) {
          assert.deepEqual([reply.status, reply.body], [200, SMALL])
        } else if (meant.length === 0) assert.equal(reply.status, 416)
        else if (meant.length === 1) {
          const [[start, end] = [0, 0]] = meant
          assert.deepEqual([reply.status, reply.body], [206, SMALL.subarray(start, end + 1)])
        } else {
          const parts = readMultipart(reply.header('content-type') ?? '', reply.body)
          assert.deepEqual(
            parts.map((part) => [part.start, part.end]),
            meant,
          )
          for (const part of parts) assert.deepEqual(part.bytes, SMALL.subarray(part.start, part.end + 1))
        }
      }),
      { seed: 7233, numRuns: 2_000 },
    )
  })
})

/** RFC 9110 §14.1.2, one spec at a time: satisfiable ranges; undefined when a spec is none. */
function referenceRanges(specs: readonly string[], size: number): [number, number][] | undefined {
  const ranges: [number, number][] = []
  for (const spec of specs) {
    const [first = '', last = ''] = spec.split('-')
    if (first === '' && last === '') return undefined
    if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
    const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
    const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
    if (start <= end && start < size) ranges.push([start, end])
  }
  return ranges
}

describe('a package of which primary states no size', () => {
  test('is served with the length it turns out to have; HEAD waits for nobody', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'unsized' }], prepare: forgetSizes })
    const [unsized] = site.repository.packages as [WrittenPackage]
    const connection = await site.connect()
    const cold = await connection.get(site.base + unsized.href, { method: 'HEAD' })
    assert.deepEqual(
      [cold.status, cold.header('content-length'), cold.header('etag') !== undefined],
      [200, undefined, true],
    )
    assert.equal(site.upstream.count(), 0)
    const get = await connection.get(site.base + unsized.href)
    assert.deepEqual([get.status, get.header('content-length'), get.body.length], [200, '1000', 1_000])
    await site.filled()
    const warm = await connection.get(site.base + unsized.href, { method: 'HEAD' })
    assert.equal(warm.header('content-length'), '1000')
    const range = await connection.get(site.base + unsized.href, { headers: ['Range: bytes=-10'] })
    assert.deepEqual([range.status, range.body], [206, get.body.subarray(-10)])
  })
})
