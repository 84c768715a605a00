import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { startNginx } from '../support/nginx.ts'
import { Authority } from '../support/pki.ts'
import { startSquid } from '../support/proxies.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'
import { everythingIn, knownBy, openUpstream, readBody } from './open-upstream.ts'
import { createRoot } from './settled-file.ts'

const USER = { username: 'ci', password: 'planted secret: 7%' }

describe('squid that wants a password', needs('squid', 'nginx', 'openssl'), () => {
  test('leads to sources by http and TLS, h2 and client certificates included, when it gets it', async (t) => {
    const squid = await startSquid(t, USER)
    const proxy = `http://127.0.0.1:${squid.port}`
    const root = createRoot(t)
    const source = await startUpstream(t, root)
    const authority = await Authority.create(t)
    const tls = { ...(await authority.issue('localhost')), clientCa: authority.ca }
    const nginx = await startNginx(t, root, { accessLog: true, tls })
    const client = await authority.issue('client')
    const ca = readFileSync(authority.ca, 'latin1')
    const shown = { cert: readFileSync(client.cert, 'latin1'), key: readFileSync(client.key, 'latin1') }
    for (const url of [source.url, nginx.url]) {
      const identity = knownBy({ ca, ...shown, proxyLogin: USER })
      const { upstream } = openUpstream(t, [url], { proxy, ...identity })
      assert.equal((await readBody(await upstream.get('file'))).toString(), 'content')
      await assert.rejects(upstream.get('absent'), { code: 'UPSTREAM_GONE' })
      await upstream.close()
    }
    await nginx.stop()
    assert.match(nginx.accessLog(), /^GET \/file 200 7 HTTP\/2\.0 CN=client pinyon\/test$/m)
    assert.equal(source.requests[0]?.headers['proxy-authorization'], undefined)
    await squid.stop()
    assert.match(squid.accessLog(), new RegExp(`^GET 200 ${source.url}file$`, 'm'))
    assert.match(squid.accessLog(), new RegExp(`^CONNECT 200 localhost:${nginx.port}$`, 'm'))
  })

  test('says no without, and with a wrong one, which is told nowhere', async (t) => {
    const squid = await startSquid(t, { ...USER, password: 'another one' })
    const root = createRoot(t)
    const source = await startUpstream(t, root)
    const proxies = [
      { proxy: `http://127.0.0.1:${squid.port}` },
      { proxy: `http://127.0.0.1:${squid.port}`, ...knownBy({ proxyLogin: USER }) },
      { proxy: `http://ci:planted@127.0.0.1:${squid.port}` },
    ]
    for (const url of [source.url, 'https://localhost:1/']) {
      for (const way of proxies) {
        const { upstream } = openUpstream(t, [url], way)
        await assert.rejects(upstream.get('file'), (error) => {
          assert.match(
            String(error),
            /the proxy wants other credentials, set proxy_username and proxy_password/,
          )
          assert.doesNotMatch(everythingIn(error), /planted|Y2k6/)
          return true
        })
      }
    }
    assert.equal(source.count(), 0)
  })

  test('that cannot connect says so', async (t) => {
    const squid = await startSquid(t, USER)
    const way = { proxy: `http://127.0.0.1:${squid.port}`, ...knownBy({ proxyLogin: USER }) }
    const { upstream } = openUpstream(t, ['https://localhost:1/'], way)
    await assert.rejects(upstream.get('file'), {
      message: /the proxy does not connect to it, and answers: 503/,
    })
    const { upstream: plain } = openUpstream(t, ['http://localhost:1/'], way)
    await assert.rejects(plain.get('file'), { message: /file answered: 503/ })
  })
})
