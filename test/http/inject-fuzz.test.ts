import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { inject } from './injecting.ts'
import { startSite } from './site.ts'

const STATUSES = new Set([200, 400, 404, 422])

/** Near what a configuration is, and far from it. */
const bodies = fc.oneof(
  fc
    .array(
      fc.constantFrom('[m]', '[m]', '[$basearch]', '[x]', '[main]', 'a=b', 'baseurl=', 'enabled=0', '#c', ''),
      {
        maxLength: 20,
      },
    )
    .map((lines) => Buffer.from(`[m]\n${lines.join('\n')}`)),
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(
      fc.oneof(
        fc.constantFrom('[m]', '[main]', '[x]', '[', ']', '[m]\0', 'baseurl=', 'mirrorlist = x', '  more'),
        fc.constantFrom(
          '#c',
          '',
          '\r',
          '\ufeff',
          'enabled=0',
          "config_opts['dnf.conf'] = '''",
          "'''",
          '%{x}',
        ),
        fc.string({ unit: 'binary', maxLength: 12 }),
      ),
      { maxLength: 30 },
    )
    .chain((lines) => fc.constantFrom('\n', '\r\n', '\r').map((end) => Buffer.from(lines.join(end)))),
)

const queries = fc
  .array(
    fc.oneof(
      { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 6 }).map(encodeURIComponent) },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          'view=a',
          'ttl=1h',
          'generation=1',
          'generation=9',
          'strict=1',
          'only_mirrored=1',
        ),
      },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          'proxy=keep',
          'pinned=keep',
          'releasever=9',
          'basearch=m',
          'name=x.repo',
          'name=%00',
        ),
      },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          'format=yum',
          'format=auto',
          'output=report',
          'output=diff',
          'output=text',
        ),
      },
    ),
    { maxLength: 3 },
  )
  .map((parts) => parts.join('&'))

describe('whatever is posted', () => {
  test('the answer is one of these, and what comes back once more changes nothing', async (t) => {
    const site = await startSite(t)
    let answered = 0
    await fc.assert(
      fc.asyncProperty(bodies, queries, async (body, query) => {
        const { status, headers, text, problem, ...reply } = await inject(site.url, body, { query })
        assert.ok(STATUSES.has(status), `${status} for ${query}: ${text}`)
        if (status === 200) {
          answered += 1
          for (const count of reply.counts) assert.match(String(count), /^\d+$/)
          if (!query.includes('output=') && !query.includes('generation=')) {
            const again = await inject(site.url, reply.body, { query })
            assert.deepEqual(again.body, reply.body)
          }
          if (query.includes('output=report'))
            assert.match(
              text,
              /^(?:(?:mirrored(?:\t[^\t\n]*){3}|unmatched\t[^\t\n]*|warning(?:\t[^\t\n]*){2})\n)*$/,
            )
          return
        }
        assert.equal(problem['status'], status)
        assert.match(String(headers['x-pinyon-reason']), /^[ -~]{5,500}$/)
        if (status === 422) assert.ok('unmatched' in problem || Number(problem['line']) >= 1, text)
      }),
      { seed: 4918, numRuns: 1_000 },
    )
    assert.ok(answered > 100, `only ${answered} were answered`)
    assert.equal(site.log.lines.filter(({ level }) => level === 'error').length, 0)
  })
})
