import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { startSite, type Site } from '../http/site.ts'

const SIZE = 300_000
const PACKAGES = [{ name: 'p', href: 'Packages/p.rpm', content: seededBytes('story', SIZE) }]

interface Try {
  readonly source: string
  readonly status?: number
  readonly from?: number
  readonly bytes: number
  readonly ms?: number
  readonly answered_ms?: number
  readonly why?: string
}

async function get(site: Site): Promise<number> {
  return (await httpGet(`${site.url}${site.base}Packages/p.rpm`)).status
}

async function figures(site: Site): Promise<string> {
  return (await httpGet(`${site.url}/metrics`)).body.toString()
}

describe('a fill in the log', () => {
  test('is one line, with its source where nothing is worth telling', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    assert.equal(await get(site), 200)
    const [line] = await site.log.waitFor('filled')
    const { mirror, path, size, source, tries, joined } = line ?? {}
    assert.deepEqual(
      { mirror, path, size, source, tries, joined },
      {
        mirror: 'm',
        path: 'Packages/p.rpm',
        size: SIZE,
        source: site.upstream.url,
        tries: undefined,
        joined: 0,
      },
    )
    const text = await figures(site)
    assert.match(text, /^pinyon_fills_total\{mirror="m",result="ok"\} 1$/m)
    assert.match(text, /^pinyon_fill_seconds_count 1$/m)
    assert.match(text, /^pinyon_requests_total\{kind="package",outcome="fill"\} 1$/m)
    assert.match(
      text,
      new RegExp(`^pinyon_response_bytes_total\\{kind="package",source="upstream"\\} ${SIZE}$`, 'm'),
    )
    assert.match(text, /^pinyon_mirror_requests_total\{mirror="m",class="upstream"\} 1$/m)
    assert.match(text, /^pinyon_responses_total\{status="2xx"\} [1-9]/m)
  })

  test('that broke off tells each request: from where, how much, and why it ended', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    site.upstream.rules = [{ match: '.rpm', times: 1, cutAt: 100_000 }]
    assert.equal(await get(site), 200)
    const [line] = await site.log.waitFor('filled')
    const [first, second] = (line ?? {})['tries'] as Try[]
    assert.ok(first !== undefined && second !== undefined)
    assert.deepEqual([first.status, first.from], [200, undefined])
    assert.match(first.why ?? '', /p\.rpm/)
    assert.deepEqual([second.status, second.why], [206, undefined])
    // A little of what came is asked for once more.
    assert.ok(Number(second.from) > 0 && Number(second.from) <= first.bytes, JSON.stringify(second))
    assert.equal(Number(second.from) + second.bytes, SIZE)
    const text = await figures(site)
    assert.match(text, /^pinyon_fill_resumes_total 1$/m)
    assert.match(text, /^pinyon_upstream_errors_total\{reason="(?:short|unreachable)"\} 1$/m)
    const received = Number(/^pinyon_fill_bytes_total\{mirror="m"\} (\d+)$/m.exec(text)?.[1])
    assert.ok(received >= first.bytes + second.bytes, `${received} bytes, repodata included`)
  })

  test('that failed tells why it was given up', async (t) => {
    const site = await startSite(t, { packages: PACKAGES, mirror: { retries: 1 } })
    site.upstream.rules = [{ match: '.rpm', times: Infinity, status: 500 }]
    assert.equal(await get(site), 502)
    const [line] = await site.log.waitFor('fill failed')
    const tries = line?.['tries'] as Try[]
    assert.deepEqual(
      tries.map(({ status, bytes }) => [status, bytes]),
      [
        [500, 0],
        [500, 0],
      ],
    )
    assert.deepEqual([line?.['level'], line?.['code'], line?.['mirror']], ['warn', 'UPSTREAM_STATUS', 'm'])
    assert.match(String(line?.['reason']), /500/)
    const text = await figures(site)
    assert.match(text, /^pinyon_fills_total\{mirror="m",result="failed"\} 1$/m)
    assert.match(text, /^pinyon_fill_errors_total\{reason="status"\} 1$/m)
    assert.match(text, /^pinyon_errors_total\{reason="status"\} 1$/m)
    assert.match(text, /^pinyon_mirror_requests_total\{mirror="m",class="failed"\} 1$/m)
    assert.match(text, /^pinyon_responses_total\{status="5xx"\} 1$/m)
    assert.match(text, /^pinyon_responses_total\{status="4xx"\} 0$/m)
  })
})
