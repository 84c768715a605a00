import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { splitCredentials } from '../../src/upstream/credentials.ts'
import { gate } from '../support/gate.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import { everythingIn, openUpstream, readBody } from './open-upstream.ts'
import { startSource } from './settled-file.ts'

const BASIC = encode('us er:s€cret@/%')
const SECRET = /s€cret|s%E2%82%ACcret|dXMgZXI/
const USER_INFO = 'us%20er:s%E2%82%ACcret%40%2F%25@'

function encode(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function withCredentials(url: string): string {
  return url.replace('://', `://${USER_INFO}`)
}

test('a URL is parted from its credentials', () => {
  const cases = {
    'http://host/a@b/': [undefined, 'http://host/a@b/'],
    'http://user:pass@host/': [encode('user:pass'), 'http://host/'],
    'http://token@host/': [encode('token:'), 'http://host/'],
    'http://:pass@host/': [encode(':pass'), 'http://host/'],
    'http://u:100%@host/': [encode('u:100%'), 'http://host/'],
    [`https://${USER_INFO}host:8443/x/`]: [BASIC, 'https://host:8443/x/'],
    'no url': [undefined, 'no url'],
  }
  for (const [text, [authorization, url]] of Object.entries(cases)) {
    const found = splitCredentials(text)
    assert.deepEqual([found.authorization, found.url], [authorization, url], text)
  }
})

describe('credentials in a base URL', () => {
  test('are sent as Basic authentication, and nowhere else', async (t) => {
    const source = await startSource(t, 'protected')
    const baseurl = withCredentials(source.url)
    const { upstream } = openUpstream(t, [baseurl])
    const reply = await upstream.get('file')
    assert.equal((await readBody(reply)).toString(), 'protected')
    const { path, headers } = source.requests[0] ?? {}
    assert.deepEqual([path, headers?.authorization], ['/file', BASIC])
    assert.ok(!/@/.test(String(headers?.host)))
    const validators = { ...reply.validators, baseurl: reply.baseurl }
    assert.equal((await upstream.get('file', { validators })).status, 304)
  })

  test('follow a redirect within their origin and to no other', async (t) => {
    const [source, other] = [await startSource(t, 'protected'), await startSource(t, 'protected')]
    const { upstream } = openUpstream(t, [withCredentials(source.url)])
    source.rules = [{ match: 'file', times: 1, redirectTo: '/dir/../file' }]
    await readBody(await upstream.get('file'))
    assert.deepEqual(
      source.requests.map(({ headers }) => headers.authorization),
      [BASIC, BASIC],
    )
    source.rules = [{ match: 'file', redirectTo: withCredentials(`${other.url}file`) }]
    await readBody(await upstream.get('file'))
    assert.equal(other.requests[0]?.headers.authorization, undefined)
  })

  const failures: Readonly<Record<string, Behaviour>> = {
    refused: { status: 401 },
    gone: { status: 404 },
    broken: { status: 500 },
    'hung up': { hangUp: true },
    cut: { cutAt: 3, ranges: 'ignored' },
    'redirected nowhere': { redirectTo: 'file:///etc/passwd' },
    'redirected in a circle': { redirectTo: '/file' },
    late: { hold: gate() },
    stalled: { stall: { afterBytes: 3, until: gate() }, ranges: 'ignored' },
  }
  for (const [what, behaviour] of Object.entries(failures)) {
    test(`are in nothing that an error says: ${what}`, async (t) => {
      const source = await startSource(t, 'protected')
      const timeoutMs = what === 'late' || what === 'stalled' ? 50 : 10_000
      const { upstream } = openUpstream(t, [withCredentials(source.url)], { timeoutMs })
      source.rules = [{ match: 'file', ...behaviour }]
      await assert.rejects(upstream.get('file').then(readBody), (error) => {
        assert.doesNotMatch(everythingIn(error), SECRET)
        assert.match(String(error), new RegExp(`127\\.0\\.0\\.1:${source.port}`))
        return true
      })
      await source.stop()
    })
  }

  test('are in nothing that names a source, and that name asks the source with them', async (t) => {
    const source = await startSource(t, 'protected')
    const { upstream } = openUpstream(t, [withCredentials(source.url)])
    const reply = await upstream.get('file')
    await readBody(reply)
    assert.equal(reply.baseurl, source.url)
    assert.deepEqual(upstream.baseurls, [source.url])
    await readBody(await upstream.get('file', { onlyBaseurl: reply.baseurl }))
    assert.match(source.requests[1]?.headers.authorization ?? '', /^Basic /)
  })

  test('are in nothing that an error says: nobody there', async (t) => {
    const { upstream } = openUpstream(t, [withCredentials('http://127.0.0.1:1/')])
    await assert.rejects(upstream.get('file'), (error) => {
      assert.doesNotMatch(everythingIn(error), SECRET)
      assert.match(String(error), /http:\/\/127\.0\.0\.1:1\/file could not be reached: ECONNREFUSED/)
      return true
    })
  })
})
