import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { digestHex, digestOf } from '../../src/model/digest.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import type { Connection, WireReply } from './connection.ts'
import { startSite, type Site } from './site.ts'

const CONTENT = seededBytes('fuzz', 2_000)
const PACKAGES = [{ name: 'p', href: 'Packages/lib+x~1^2%2B.rpm', content: CONTENT }]
const STATUSES = new Set([200, 206, 302, 304, 400, 404, 405, 412, 416])

/** Targets near those that mean something, in pieces that gates and decoders trip over. */
function targets(site: Site): fc.Arbitrary<string> {
  const piece = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(
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
      ),
    },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom(
          '/repos',
          '/yum',
          '/m',
          '/latest',
          '/views',
          '/job',
          '/all_latest.json?ttl=1h',
          '/base',
          site.base,
          'Packages/',
          'repodata/',
          'repomd.xml',
        )
        .map((text) => text),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'lib+x~1^2%252B.rpm',
        'lib%2bx%7e1%5e2%252B.rpm',
        'all_latest.json',
        'latest.txt',
        '/api/v1/mirrors',
      ),
    },
    {
      weight: 1,
      arbitrary: fc
        .string({ unit: 'binary-ascii', maxLength: 5 })
        .map((text) => text.replaceAll(/[\0-\x20\x7f]/g, '%0a')),
    },
  )
  const path = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
  const prefix = fc.constantFrom(
    '',
    '/',
    site.base,
    '/repos/yum/m/latest/',
    'http://h',
    'http://h/repos/yum/m/',
  )
  return fc.tuple(prefix, path).map(([start, rest]) => start + rest || '/')
}

const headers = fc.array(
  fc.oneof(
    fc
      .string({ unit: fc.constantFrom(...'0123456789-,= bytes'.split('')), maxLength: 20 })
      .map((text) => `Range: bytes=${text}`),
    fc.constantFrom(
      'Range: bytes=0-0,2-',
      'Range: bytes=9999-',
      'If-None-Match: *',
      'If-None-Match: "',
      'If-Match: "x"',
    ),
    fc.constantFrom(
      'If-Modified-Since: 5',
      'If-Range: "',
      'If-Range: Mon',
      'Cookie: a',
      'Accept-Encoding: br',
    ),
  ),
  { maxLength: 3 },
)

/** What a right answer of ours looks like, whatever was asked. */
function check(site: Site, reply: WireReply, target: string): void {
  assert.ok(STATUSES.has(reply.status), `${reply.statusLine} for ${target}`)
  for (const line of reply.lines) assert.match(line, /^[A-Za-z-]+: ?[ -~]*$/)
  if (reply.status >= 400) assert.match(reply.header('x-pinyon-reason') ?? '', /^[ -~]{5,}$/)
  assert.ok(reply.header('x-cache') !== undefined)
  // Nothing but what the snapshot lists comes as a file, and never other bytes than those.
  const isFile = reply.header('accept-ranges') === 'bytes'
  if (!isFile || reply.status !== 200) return
  const etags = ['repodata/repomd.xml', ...site.repository.records.map(({ href }) => href)]
  if (etags.some((href) => target.includes(href.split('/')[1] ?? ''))) return
  assert.equal(reply.header('etag'), `"${digestHex(digestOf(CONTENT))}"`, target)
}

describe('whatever is asked', () => {
  test('the answer is HTTP, with one of these statuses, and only listed files come', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    let connection: Connection = await site.connect()
    const methods = fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'OPTIONS')
    await fc.assert(
      fc.asyncProperty(methods, targets(site), headers, async (method, target, lines) => {
        connection.ask(target, { method, headers: lines })
        const reply = await connection.reply({ noBody: method === 'HEAD' })
        if (reply.header('connection') === 'keep-alive') {
          check(site, reply, target)
          return
        }
        // Node's parser refused it, and ends the connection.
        assert.equal(reply.status, 400, target)
        await connection.ended()
        connection = await site.connect()
      }),
      { seed: 3986, numRuns: 3_000 },
    )
    assert.equal(site.log.lines.filter(({ level }) => level === 'error').length, 0)
    assert.deepEqual((await connection.get(`${site.base}Packages/lib+x~1^2%252B.rpm`)).body, CONTENT)
  })

  test('bytes that are no requests do no harm', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const connection = await site.connect()
        connection.send(Buffer.concat([Buffer.from('GET '), bytes, Buffer.from('\r\n\r\n')]))
        connection.socket.end()
        const answer = (await connection.ended()).toString('latin1')
        assert.match(answer, /^(?:HTTP\/1\.1 [234]\d\d |$)/)
        connection.close()
      }),
      { seed: 9112, numRuns: 300 },
    )
    assert.equal((await (await site.connect()).get('/healthz')).status, 200)
  })
})
