import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { startNginx } from '../support/nginx.ts'
import { Authority } from '../support/pki.ts'
import { needs } from '../support/tools.ts'
import type { Upstream } from '../support/upstream.ts'
import { knownBy, openUpstream, readBody } from './open-upstream.ts'
import { startSource } from './settled-file.ts'

const LOGIN = { username: 'ci', password: 'pässword' }
const BASIC = `Basic ${Buffer.from('ci:pässword').toString('base64')}`

/** What each request to a source showed. */
function shownTo(source: Upstream): (string | undefined)[] {
  return source.requests.map(({ headers }) => headers.authorization)
}

describe('a user or token of a mirror', () => {
  for (const [identity, expected] of [
    [{ login: LOGIN }, BASIC],
    [{ bearerToken: 'tok.en' }, 'Bearer tok.en'],
  ] as const)
    test(`is shown to every baseurl, and to nobody a redirect leads to: ${Object.keys(identity).join()}`, async (t) => {
      const [first, second, other] = [await startSource(t), await startSource(t), await startSource(t)]
      const { upstream } = openUpstream(t, [first.url, second.url], knownBy(identity))
      first.rules = [
        { match: 'within', redirectTo: '/file' },
        { match: 'outside', redirectTo: `${other.url}file` },
        { match: 'beside', redirectTo: `${second.url}file` },
        { match: 'and-back', redirectTo: `${other.url}back` },
      ]
      other.rules = [{ match: 'back', redirectTo: `${first.url}file` }]
      for (const href of ['within', 'outside', 'beside', 'and-back'])
        assert.equal(
          (await readBody(await upstream.get(href, { onlyBaseurl: first.url }))).toString(),
          'content',
        )
      await readBody(await upstream.get('file', { onlyBaseurl: second.url }))
      assert.deepEqual(
        shownTo(first),
        Array.from({ length: 6 }, () => expected),
      )
      assert.deepEqual(shownTo(second), [undefined, expected])
      assert.deepEqual(shownTo(other), [undefined, undefined])
    })

  test('comes after what a URL itself says', async (t) => {
    const source = await startSource(t)
    const url = source.url.replace('//', '//me:mine@')
    const { upstream } = openUpstream(t, [url], knownBy({ login: LOGIN }))
    await readBody(await upstream.get('file'))
    assert.deepEqual(shownTo(source), [`Basic ${Buffer.from('me:mine').toString('base64')}`])
  })

  test('is not shown to fallbacks, keys and their redirects, which are elsewhere', async (t) => {
    const [own, other] = [await startSource(t), await startSource(t)]
    const { upstream } = openUpstream(t, [other.url], { knownTo: [own.url], ...knownBy({ login: LOGIN }) })
    other.rules = [{ match: 'lured', redirectTo: `${own.url}file` }]
    await readBody(await upstream.get('file'))
    await readBody(await upstream.get('lured'))
    assert.deepEqual([...shownTo(other), ...shownTo(own)], [undefined, undefined, undefined])
    const { upstream: beside } = openUpstream(t, [own.url], {
      knownTo: [own.url],
      ...knownBy({ login: LOGIN }),
    })
    await readBody(await beside.get('file'))
    assert.equal(shownTo(own).at(-1), BASIC)
  })

  test('does not go from https to http of the same host', needs('nginx', 'openssl'), async (t) => {
    const source = await startSource(t)
    const authority = await Authority.create(t)
    const plain = source.url.replace('127.0.0.1', 'localhost')
    const nginx = await startNginx(t, source.root, {
      tls: await authority.issue('localhost'),
      server: `location / { if ($http_authorization = '') { return 403; } return 302 ${plain}file; }`,
    })
    const ca = readFileSync(authority.ca, 'latin1')
    const { upstream } = openUpstream(t, [nginx.url], knownBy({ ca, login: LOGIN }))
    assert.equal((await readBody(await upstream.get('file'))).toString(), 'content')
    assert.deepEqual(shownTo(source), [undefined])
  })
})

test(
  'fallbacks are trusted with the authorities of Node and of the mirror, its baseurls with those of the mirror',
  needs('nginx', 'openssl'),
  async (t) => {
    const source = await startSource(t)
    const [own, other] = [await Authority.create(t), await Authority.create(t, 'Other CA')]
    const [ofOwn, ofOther] = [
      await startNginx(t, source.root, { tls: await own.issue('localhost') }),
      await startNginx(t, source.root, { tls: await other.issue('localhost') }),
    ]
    const identity = knownBy({ ca: readFileSync(own.ca, 'latin1') })
    const { upstream } = openUpstream(t, [ofOwn.url, ofOther.url], identity)
    assert.equal(
      (await readBody(await upstream.get('file', { onlyBaseurl: ofOwn.url }))).toString(),
      'content',
    )
    await assert.rejects(upstream.get('file', { onlyBaseurl: ofOther.url }), { message: /not known/ })
    const { upstream: fallback } = openUpstream(t, [ofOwn.url], { knownTo: ['https://h/'], ...identity })
    assert.equal((await readBody(await fallback.get('file'))).toString(), 'content')
  },
)
