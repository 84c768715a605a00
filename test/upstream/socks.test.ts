import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type LookupFunction, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import type { Identity } from '../../src/model/identity.ts'
import { reachOfAddress } from '../../src/model/reach.ts'
import { startNginx } from '../support/nginx.ts'
import { Authority } from '../support/pki.ts'
import { startSocks } from '../support/proxies.ts'
import { needs } from '../support/tools.ts'
import { everythingIn, knownBy, openUpstream, readBody } from './open-upstream.ts'
import { createRoot, startSource } from './settled-file.ts'

const USER = { username: 'ci', password: 'planted-s€cret' }

const lookup: LookupFunction = (hostname, _options, callback) => {
  const address = hostname === 'inner.example.org' ? '192.168.7.7' : '127.0.0.1'
  callback(null, [{ address, family: 4 }])
}
const reachOf = (address: string) => (address === '127.0.0.1' ? 'public' : reachOfAddress(address))

describe('a SOCKS proxy', needs('microsocks'), () => {
  test('leads to sources by http, with credentials in its URL or beside it', async (t) => {
    const source = await startSource(t)
    const { port } = await startSocks(t, USER)
    const inUrl = `socks5://ci:${encodeURIComponent(USER.password)}@127.0.0.1:${port}`
    const ways = [
      { proxy: inUrl },
      { proxy: `socks5h://127.0.0.1:${port}`, ...knownBy({ proxyLogin: USER }) },
    ]
    for (const way of ways) {
      const { upstream } = openUpstream(t, [source.url], way)
      assert.equal((await readBody(await upstream.get('file'))).toString(), 'content')
      await assert.rejects(upstream.get('absent'), { code: 'UPSTREAM_GONE' })
    }
    assert.equal(source.count(), 4)
  })

  test('leads to sources by TLS, which find h2 as without it', needs('nginx', 'openssl'), async (t) => {
    const authority = await Authority.create(t)
    const nginx = await startNginx(t, createRoot(t), {
      accessLog: true,
      tls: await authority.issue('localhost'),
    })
    const { port } = await startSocks(t)
    const ca = readFileSync(authority.ca, 'latin1')
    const { upstream } = openUpstream(t, [nginx.url], {
      proxy: `socks5://127.0.0.1:${port}`,
      ...knownBy({ ca }),
    })
    assert.equal((await readBody(await upstream.get('file'))).toString(), 'content')
    const { upstream: stranger } = openUpstream(t, [nginx.url], { proxy: `socks5://127.0.0.1:${port}` })
    await assert.rejects(stranger.get('file'), { message: /authority that is not known/ })
    await nginx.stop()
    assert.match(nginx.accessLog(), /^GET \/file 200 7 HTTP\/2\.0/)
  })

  test('that refuses, or is not there, is the source out of reach; no secret is told', async (t) => {
    const source = await startSource(t)
    const { port } = await startSocks(t, { username: 'ci', password: 'another one' })
    const { port: open } = await startSocks(t)
    const cases: [string, Identity | undefined, RegExp][] = [
      [
        `127.0.0.1:${port}`,
        undefined,
        /the SOCKS proxy wants credentials: set proxy_username and proxy_password/,
      ],
      [
        `127.0.0.1:${port}`,
        { sslverify: true, proxyLogin: USER },
        /wants other credentials than proxy_username/,
      ],
      ['127.0.0.1:1', { sslverify: true, proxyLogin: USER }, /ECONNREFUSED/],
    ]
    for (const [host, identity, expected] of cases) {
      const { upstream } = openUpstream(t, [source.url], {
        proxy: `socks5h://${host}`,
        ...knownBy(identity ?? {}),
      })
      await assert.rejects(upstream.get('file'), (error) => {
        assert.match(String(error), expected)
        assert.doesNotMatch(everythingIn(error), /planted|cGxhbnRlZ/)
        return true
      })
    }
    const { upstream } = openUpstream(t, ['http://127.0.0.1:1/'], { proxy: `socks5h://127.0.0.1:${open}` })
    await assert.rejects(upstream.get('file'), {
      message: /the SOCKS proxy does not connect: connection refused/,
    })
    assert.equal(source.count(), 0)
  })

  test('with socks5 is asked for addresses that may be led to, and for no others', async (t) => {
    const source = await startSource(t)
    const { port } = await startSocks(t)
    const { upstream } = openUpstream(t, [`http://localhost:${source.port}/`], {
      proxy: `socks5://127.0.0.1:${port}`,
      lookup,
      reachOf,
    })
    source.rules = [
      { match: 'moved', redirectTo: `http://outer.example.org:${source.port}/file` },
      { match: 'inwards', redirectTo: `http://inner.example.org:${source.port}/file` },
      { match: 'literal', redirectTo: `http://192.168.7.7:${source.port}/file` },
    ]
    assert.equal((await readBody(await upstream.get('moved'))).toString(), 'content')
    for (const href of ['inwards', 'literal'])
      await assert.rejects(upstream.get(href), {
        code: 'UPSTREAM_REFUSED',
        message: /its address is private/,
      })
    assert.equal(source.count('file'), 1)
  })
})

/** What a proxy sends, piece by piece, whenever something comes. */
type Script = readonly (readonly number[])[]

describe('a SOCKS proxy that keeps to no rules', () => {
  const OK = [5, 0]
  const cases: [string, Script, RegExp][] = [
    ['speaks HTTP', [[0x48, 0x54, 0x54, 0x50]], /speaks another protocol: 72/],
    ['takes a method that nobody offered', [[5, 1]], /wants credentials/],
    ['takes a password from who has none', [[5, 2]], /wants credentials/],
    ['takes no method', [[5, 255]], /wants credentials/],
    ['answers in another version', [OK, [4, 0, 0, 1, 0, 0, 0, 0, 0, 0]], /speaks another protocol: 4/],
    ['names a strange address', [OK, [5, 0, 0, 9, 0, 0, 0, 0, 0, 0]], /of a kind that is not known: 9/],
    ['refuses', [OK, [5, 2, 0, 1, 0, 0, 0, 0, 0, 0]], /does not connect: not allowed by its rules/],
    ['refuses for its own reason', [OK, [5, 99, 0, 1, 0, 0, 0, 0, 0, 0]], /does not connect: reply 99/],
    ['says more than its answer', [OK, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7]], /sent more than its answer/],
    ['ends in the middle', [OK, [5, 0, 0]], /ended the connection/],
  ]
  for (const [what, script, expected] of cases) {
    test(`and ${what} is refused`, async (t) => {
      const { upstream } = openUpstream(t, ['http://h.example.org/'], {
        proxy: await startScripted(t, script),
      })
      await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_UNREACHABLE', message: expected })
    })
  }

  test('says nothing, or sends bytes one by one, is waited for as long as for any connection', async (t) => {
    const mute = await startScripted(t, [])
    const { upstream } = openUpstream(t, ['http://h.example.org/'], { proxy: mute, timeoutMs: 60 })
    await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_TIMEOUT' })
    const reply = [...Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')]
    const slow = await startScripted(t, [[5, 0], [5, 0, 0, 3, 1, 65, 0, 80], reply], true)
    const { upstream: patient } = openUpstream(t, ['http://h.example.org/'], { proxy: slow })
    assert.equal((await readBody(await patient.get('file'))).toString(), 'ok')
  })
})

async function startScripted(t: TestContext, script: Script, isSlow = false): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const left = [...script]
    socket.setNoDelay(true).on('error', () => undefined)
    socket.on('data', () => {
      const bytes = left.shift()
      if (bytes === undefined) return
      if (isSlow) for (const byte of bytes) socket.write(Buffer.from([byte]))
      else socket.write(Buffer.from(bytes))
      if (left.length === 0 && !isSlow) socket.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `socks5h://127.0.0.1:${(server.address() as AddressInfo).port}`
}
