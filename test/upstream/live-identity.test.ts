import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { readIdentity } from '../../src/config/identity-files.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { LiveIdentity } from '../../src/upstream/live-identity.ts'
import { assertBytes } from '../contract/assert-bytes.ts'
import { startNginx } from '../support/nginx.ts'
import { Authority, type Issued } from '../support/pki.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { openUpstream, readBody } from './open-upstream.ts'
import { writeSettledFile } from './settled-file.ts'

const CONTENT = seededBytes('while certificates change', 24 << 20)

interface Setup {
  readonly authority: Authority
  readonly live: LiveIdentity
  readonly file: (name: string) => string
  /** Puts a certificate and its key in place. */
  readonly put: (issued: Issued) => void
  /** What it was told, one after the other. */
  readonly told: (string | undefined)[]
  readonly clock: { ms: number; wall?: number }
}

/** An identity of files in a directory, whose clock moves when the test says so. */
async function setUp(t: TestContext): Promise<Setup> {
  const authority = await Authority.create(t)
  const dir = tempDir(t)
  const file = (name: string) => join(dir, name)
  const put = ({ cert, key }: Issued) => {
    copyFileSync(cert, file('client.pem'))
    copyFileSync(key, file('client.key'))
  }
  put(await authority.issue('first'))
  writeFileSync(file('token'), 'token-1\n')
  const access = {
    sslverify: true,
    sslcacert: authority.ca,
    sslclientcert: file('client.pem'),
    sslclientkey: file('client.key'),
    bearerToken: { file: file('token') },
  }
  const read = () => {
    const reading = readIdentity(access)
    if ('identity' in reading) return reading.identity
    throw new PinyonError(
      'CONFIG_INVALID',
      reading.problems.map((one) => `${one.key}: ${one.expected}`).join('; '),
    )
  }
  // Certificates that a test has issued hold from the second on in which they were.
  const clock: Setup['clock'] = { ms: 0 }
  const told: (string | undefined)[] = []
  const live = new LiveIdentity({
    first: read(),
    files: [file('client.pem'), file('client.key'), file('token')],
    read,
    onChange: (problem) => told.push(problem),
    now: () => clock.ms,
    wallNow: () => clock.wall ?? Date.now(),
  })
  return { authority, live, file, put, told, clock }
}

describe('the files of an identity', needs('openssl'), () => {
  test('are read anew when they change, and not before a second has passed', async (t) => {
    const { live, file, clock } = await setUp(t)
    assert.equal(live.current.bearerToken, 'token-1')
    writeFileSync(file('token'), 'token-2\n')
    clock.ms += 999
    assert.equal(live.current.bearerToken, 'token-1')
    clock.ms += 1
    const { current } = live
    assert.equal(current.bearerToken, 'token-2')
    clock.ms += 5_000
    assert.equal(live.current, current)
  })

  test('that became invalid leave what they were, and say so until they are right again', async (t) => {
    const { authority, live, file, put, told, clock } = await setUp(t)
    const first = live.current
    const second = await authority.issue('second')
    const cases: [() => void, RegExp][] = [
      [() => writeFileSync(file('client.pem'), 'junk'), /sslclientcert: .*\(it holds no certificate\)/],
      [() => rmSync(file('client.pem')), /sslclientcert: a file that can be read \(ENOENT\)/],
      // As a renewal does, one after the other.
      [
        () => copyFileSync(second.cert, file('client.pem')),
        /sslclientkey: .*of another certificate than sslclientcert/,
      ],
      [() => writeFileSync(file('token'), ''), /bearer_token: .*\(it is empty\)/],
    ]
    for (const [change, expected] of cases) {
      change()
      clock.ms += 1_000
      assert.equal(live.current, first)
      assert.match(live.problem ?? '', /^the one read before is used: /)
      assert.match(live.problem ?? '', expected)
    }
    put(second)
    writeFileSync(file('token'), 'token-3')
    clock.ms += 1_000
    assert.equal(live.problem, undefined)
    assert.equal(live.current.cert, readFileSync(second.cert, 'latin1'))
    assert.equal(told.length, cases.length + 1)
    assert.equal(told.at(-1), undefined)
  })

  test('say beforehand, and then, that a certificate expires', async (t) => {
    const { live, told, clock } = await setUp(t)
    assert.equal(live.problem, undefined)
    for (const [days, expected] of [
      [24, /^its sslclientcert expires on 20\d\d-/],
      [31, /^its sslclientcert expired on 20\d\d-.*: put a new one in its place$/],
      [-2, /^its sslclientcert is not valid before 20\d\d-.*clock$/],
    ] as const) {
      clock.ms += 1_000
      clock.wall = Date.now() + days * 86_400_000
      assert.match(live.problem ?? '', expected)
    }
    assert.equal(told.length, 3)
  })

  test('change under a running transfer, which ends as it began', needs('nginx'), async (t) => {
    const { authority, live, put, clock } = await setUp(t)
    const root = tempDir(t)
    writeSettledFile(root, 'file', CONTENT)
    writeSettledFile(root, 'small', 'small')
    const tls = { ...(await authority.issue('localhost')), clientCa: authority.ca }
    const nginx = await startNginx(t, root, { accessLog: true, tls })
    const { upstream } = openUpstream(t, [nginx.url], { identity: live })
    const running = (await upstream.get('file')).body[Symbol.asyncIterator]()
    const first = await running.next()
    assert.ok(first.done !== true)
    put(await authority.issue('second'))
    clock.ms += 1_000
    assert.equal((await readBody(await upstream.get('small'))).toString(), 'small')
    const chunks = [first.value]
    for (let step = await running.next(); step.done !== true; step = await running.next())
      chunks.push(step.value)
    assertBytes(Buffer.concat(chunks), CONTENT)
    await nginx.stop()
    assert.match(nginx.accessLog(), /^GET \/file 200 .* CN=first pinyon/m)
    assert.match(nginx.accessLog(), /^GET \/small 200 .* CN=second pinyon/m)
  })
})
