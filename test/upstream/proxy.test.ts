import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { TlsIdentity } from '../../src/model/identity.ts'
import { reachOfAddress } from '../../src/model/reach.ts'
import { gate } from '../support/gate.ts'
import { startNginx } from '../support/nginx.ts'
import { Authority } from '../support/pki.ts'
import { needs } from '../support/tools.ts'
import { startForwardProxy } from './forward-proxy.ts'
import { everythingIn, knownBy, openUpstream, readBody } from './open-upstream.ts'
import { startSource } from './settled-file.ts'

const BASIC = `Basic ${Buffer.from('user:s€cret%').toString('base64')}`
const SECRET = /s€cret|s%E2%82%ACcret|dXNlcjpz/
const USER_INFO = 'user:s%E2%82%ACcret%25@'

describe('an HTTP proxy', () => {
  test('is asked instead of the source', async (t) => {
    const source = await startSource(t)
    const proxy = await startForwardProxy(t)
    const { upstream } = openUpstream(t, [source.url], { proxy: `http://${proxy.host}/` })
    const reply = await upstream.get('file')
    assert.equal((await readBody(reply)).toString(), 'content')
    const validators = { ...reply.validators, baseurl: reply.baseurl }
    assert.equal((await upstream.get('file', { validators })).status, 304)
    await assert.rejects(upstream.get('absent'), { code: 'UPSTREAM_GONE' })
    source.rules = [{ match: 'moved', redirectTo: '/file' }]
    assert.equal((await readBody(await upstream.get('moved'))).toString(), 'content')
    const asked = ['file', 'file', 'absent', 'moved', 'file'].map((name) => source.url + name)
    assert.deepEqual(
      proxy.requests.map(({ url }) => url),
      asked,
    )
    assert.equal(source.requests[0]?.headers.host, `127.0.0.1:${source.port}`)
  })

  test('gets its credentials, and the source gets its own', async (t) => {
    const source = await startSource(t)
    const proxy = await startForwardProxy(t, BASIC)
    const baseurl = source.url.replace('://', '://me:mine@')
    const { upstream } = openUpstream(t, [baseurl], { proxy: `http://${USER_INFO}${proxy.host}/` })
    assert.equal((await readBody(await upstream.get('file'))).toString(), 'content')
    assert.deepEqual(proxy.requests, [{ url: `${source.url}file`, authorization: BASIC }])
    const { headers } = source.requests[0] ?? {}
    assert.equal(headers?.authorization, `Basic ${Buffer.from('me:mine').toString('base64')}`)
    assert.equal(headers?.['proxy-authorization'], undefined)
  })

  test('that refuses, or is not there, is the source out of reach; no secret is told', async (t) => {
    const source = await startSource(t)
    const proxy = await startForwardProxy(t, 'Basic other')
    const cases = { [proxy.host]: /Proxy Authentication Required/, '127.0.0.1:1': /ECONNREFUSED/ }
    for (const [host, why] of Object.entries(cases)) {
      const { upstream } = openUpstream(t, [source.url], { proxy: `http://${USER_INFO}${host}/` })
      await assert.rejects(upstream.get('file'), (error) => {
        assert.match(String(error), why)
        assert.doesNotMatch(everythingIn(error), SECRET)
        return true
      })
    }
    assert.equal(source.count(), 0)
  })

  test('is asked for no private address that a redirect names; where names lead is for its own rules', async (t) => {
    const source = await startSource(t)
    const proxy = await startForwardProxy(t)
    const { upstream } = openUpstream(t, [source.url], {
      proxy: `http://${proxy.host}/`,
      reachOf: (address) => (address === '127.0.0.1' ? 'public' : reachOfAddress(address)),
    })
    source.rules = [
      { match: 'literal', redirectTo: 'http://192.168.7.7/file' },
      { match: 'named', redirectTo: `http://localhost:${source.port}/file` },
    ]
    await assert.rejects(upstream.get('literal'), { code: 'UPSTREAM_REFUSED' })
    assert.equal((await readBody(await upstream.get('named'))).toString(), 'content')
    const asked = ['literal', 'named'].map((name) => source.url + name)
    assert.deepEqual(
      proxy.requests.map(({ url }) => url),
      [...asked, `http://localhost:${source.port}/file`],
    )
  })

  test('is given no more connections than a source, and more than one', async (t) => {
    const source = await startSource(t)
    const proxy = await startForwardProxy(t)
    const { upstream } = openUpstream(t, [source.url], { proxy: `http://${proxy.host}/` })
    const held = gate()
    source.rules = [{ match: 'file', hold: held }]
    const replies = Array.from({ length: 30 }, () => upstream.get('file').then(readBody))
    await source.waitFor('file', 20)
    held.open()
    for (const body of await Promise.all(replies)) assert.equal(body.toString(), 'content')
    assert.equal(proxy.mostConnections(), 20)
  })
})

describe('an HTTPS proxy', needs('openssl', 'nginx'), () => {
  test('is trusted for its authority and shown its own certificate, whatever the source is', async (t) => {
    const source = await startSource(t)
    const [ours, theirs] = [await Authority.create(t, 'Proxy CA'), await Authority.create(t, 'Source CA')]
    const nginx = await startNginx(t, source.root, { tls: await theirs.issue('localhost') })
    const [own, client] = [await ours.issue('localhost'), await ours.issue('client')]
    const proxy = await startForwardProxy(t, undefined, {
      cert: Authority.read(own.cert),
      key: Authority.read(own.key),
      ca: Authority.read(ours.ca),
      requestCert: true,
    })
    const shown = { cert: Authority.read(client.cert), key: Authority.read(client.key) }
    const open = (url: string, proxyTls?: TlsIdentity) => {
      const identity = knownBy({ ca: Authority.read(theirs.ca), ...(proxyTls && { proxyTls }) })
      return openUpstream(t, [url], {
        proxy: `https://${proxy.host.replace('127.0.0.1', 'localhost')}/`,
        ...identity,
      }).upstream
    }
    for (const url of [source.url, nginx.url]) {
      const good = open(url, { verify: true, ca: Authority.read(ours.ca), ...shown })
      assert.equal((await readBody(await good.get('file'))).toString(), 'content')
      const asked = proxy.requests.length
      const stranger = open(url, { verify: true, ca: Authority.read(ours.ca) })
      await assert.rejects(stranger.get('file'), { code: 'UPSTREAM_UNREACHABLE' })
      for (const bad of [open(url), open(url, { verify: true, ...shown })])
        await assert.rejects(bad.get('file'), { message: /authority that is not known/ })
      assert.equal(proxy.requests.length, asked)
      const careless = open(url, { verify: false, ...shown })
      assert.equal((await readBody(await careless.get('file'))).toString(), 'content')
    }
  })
})
