import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { assertBytes } from '../contract/assert-bytes.ts'
import { startApache } from '../support/apache.ts'
import { startNginx, type Nginx } from '../support/nginx.ts'
import { Authority, type Issued } from '../support/pki.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'
import { everythingIn, knownBy, openUpstream, readBody } from './open-upstream.ts'
import { createRoot } from './settled-file.ts'

/** Longer than the window of a stream. */
const CONTENT = seededBytes('by TLS', 5 << 20)

function read({ cert, key }: Issued): { cert: string; key: string } {
  return { cert: readFileSync(cert, 'latin1'), key: readFileSync(key, 'latin1') }
}

describe('a server by TLS', needs('nginx', 'openssl'), () => {
  test('is spoken to by h2, says who asks, and many requests share its connection', async (t) => {
    const authority = await Authority.create(t)
    const tls = await authority.issue('localhost')
    const nginx = await startNginx(t, createRoot(t, CONTENT), { accessLog: true, tls })
    const ca = readFileSync(authority.ca, 'latin1')
    const { upstream } = openUpstream(t, [nginx.url], knownBy({ ca }))
    const replies = await Promise.all(Array.from({ length: 8 }, () => upstream.get('file')))
    for (const reply of replies) assertBytes(await readBody(reply), CONTENT)
    const [reply] = replies
    assert.ok(reply)
    const validators = { ...reply.validators, baseurl: reply.baseurl }
    assert.equal((await upstream.get('file', { validators })).status, 304)
    await assert.rejects(upstream.get('absent'), { code: 'UPSTREAM_GONE' })
    await nginx.stop()
    const lines = nginx.accessLog().trim().split('\n')
    assert.equal(lines.length, 10)
    for (const line of lines) assert.match(line, /HTTP\/2\.0 - pinyon\/test$/)
  })

  test('that has http/1.1 alone is spoken to by that', async (t) => {
    const authority = await Authority.create(t)
    const tls = await authority.issue('localhost')
    const root = createRoot(t, CONTENT)
    const nginx = await startNginx(t, root, { accessLog: true, tls, isH1Only: true })
    const { upstream } = openUpstream(t, [nginx.url], knownBy({ ca: readFileSync(authority.ca, 'latin1') }))
    assertBytes(await readBody(await upstream.get('file')), CONTENT)
    await nginx.stop()
    assert.match(nginx.accessLog(), /HTTP\/1\.1 - pinyon\/test$/m)
  })

  test('may be an Apache httpd that wants a password', needs('apache2'), async (t) => {
    const authority = await Authority.create(t)
    const tls = await authority.issue('localhost')
    const user = { username: 'ci', password: 'pl€nty: secret' }
    const url = await startApache(t, createRoot(t, CONTENT), { tls, user })
    const ca = readFileSync(authority.ca, 'latin1')
    const { upstream } = openUpstream(t, [url], knownBy({ ca, login: user }))
    assertBytes(await readBody(await upstream.get('file')), CONTENT)
    const { upstream: stranger } = openUpstream(t, [url], knownBy({ ca }))
    await assert.rejects(stranger.get('file'), { message: /wants credentials \(username and password, or/ })
    const { upstream: wrong } = openUpstream(
      t,
      [url],
      knownBy({ ca, login: { ...user, password: 'planted' } }),
    )
    await assert.rejects(wrong.get('file'), (error) => {
      assert.match(String(error), /wants other credentials than those it is given, and answered: 401/)
      assert.doesNotMatch(everythingIn(error), /planted|Y2k6/)
      return true
    })
  })
})

describe('a certificate of a server', needs('nginx', 'openssl'), () => {
  test('that is not right is refused, and the error says what to do', async (t) => {
    const authority = await Authority.create(t)
    const ca = readFileSync(authority.ca, 'latin1')
    const cases: { tls: Issued; trusted?: string; expected: RegExp }[] = [
      {
        tls: await authority.issue('old', { days: -1 }),
        trusted: ca,
        expected: /has expired: it has to be renewed/,
      },
      {
        tls: await authority.issue('other', { names: ['DNS:other.example.org'] }),
        trusted: ca,
        expected: /is of another host: DNS:other\.example\.org$/,
      },
      { tls: await authority.selfSigned(), expected: /is self-signed: name it as sslcacert/ },
      { tls: await authority.issue('localhost'), expected: /of an authority that is not known.*sslcacert/ },
    ]
    const root = createRoot(t, CONTENT)
    for (const { tls, trusted, expected } of cases) {
      const nginx = await startNginx(t, root, { tls })
      const identity = trusted === undefined ? {} : { ca: trusted }
      const { upstream } = openUpstream(t, [nginx.url], knownBy(identity))
      await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_UNREACHABLE', message: expected })
      const { upstream: careless } = openUpstream(t, [nginx.url], knownBy({ ...identity, sslverify: false }))
      assertBytes(await readBody(await careless.get('file')), CONTENT)
      await nginx.stop()
    }
  })

  test('is looked for in vain where there is no TLS', async (t) => {
    const source = await startUpstream(t, createRoot(t, CONTENT))
    const { upstream } = openUpstream(t, [source.url.replace('http:', 'https:')])
    await assert.rejects(upstream.get('file'), { message: /does not speak TLS: is its URL http:\/\// })
  })
})

interface Setup {
  readonly nginx: Nginx
  readonly authority: Authority
  readonly ca: string
}

async function startDemanding(t: TestContext): Promise<Setup> {
  const authority = await Authority.create(t)
  const tls = { ...(await authority.issue('localhost')), clientCa: authority.ca }
  const nginx = await startNginx(t, createRoot(t, CONTENT), { tls })
  return { nginx, authority, ca: readFileSync(authority.ca, 'latin1') }
}

describe('a client certificate', needs('nginx', 'openssl'), () => {
  test('is shown to the server that wants one; who has none, or a wrong one, is told what to do', async (t) => {
    const { nginx, authority, ca } = await startDemanding(t)
    const shown = read(await authority.issue('client'))
    const { upstream } = openUpstream(t, [nginx.url], knownBy({ ca, ...shown }))
    assertBytes(await readBody(await upstream.get('file')), CONTENT)
    const { upstream: stranger } = openUpstream(t, [nginx.url], knownBy({ ca }))
    await assert.rejects(stranger.get('file'), {
      message: /client certificate \(sslclientcert and sslclientkey\)/,
    })
    const other = read(await (await Authority.create(t, 'Other CA')).issue('client'))
    const { upstream: wrong } = openUpstream(t, [nginx.url], knownBy({ ca, ...other }))
    await assert.rejects(wrong.get('file'), { message: /answered: 400|refuses the mirror's sslclientcert/ })
  })

  test('is not shown to whom a redirect leads to', async (t) => {
    const { nginx, authority, ca } = await startDemanding(t)
    const shown = read(await authority.issue('client'))
    const source = await startUpstream(t, createRoot(t, CONTENT))
    source.rules = [{ match: 'moved', redirectTo: `${nginx.url}file` }]
    const { upstream } = openUpstream(t, [source.url], knownBy({ ca, ...shown }))
    await assert.rejects(upstream.get('moved'), { message: /answered: 400/ })
    const { upstream: known } = openUpstream(t, [source.url, nginx.url], knownBy({ ca, ...shown }))
    assertBytes(await readBody(await known.get('moved', { onlyBaseurl: source.url })), CONTENT)
  })
})

test('a server that breaks off the handshake is out of reach', async (t) => {
  const server = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { upstream } = openUpstream(t, [`https://127.0.0.1:${(server.address() as AddressInfo).port}/`])
  await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_UNREACHABLE' })
})
