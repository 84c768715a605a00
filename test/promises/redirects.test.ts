import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { reachOfAddress, type Reach } from '../../src/model/reach.ts'
import { AddressGuard } from '../../src/upstream/address-guard.ts'
import type { UpstreamOptions } from '../../src/upstream/mirror-upstream.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { openUpstream, readBody } from '../upstream/open-upstream.ts'

// Promise 6 of issue "Snapshots nothing upstream does can break": nothing is fetched from where it must not be. Names are those of this
// file's own resolver; of the addresses that it gives, only 127.0.0.1 is really there, as a public one.

/** What names resolve to, one answer after the other; the last one for ever. */
type Zone = Readonly<Record<string, readonly (readonly string[])[]>>

function createResolver(zone: Zone): { lookup: LookupFunction; asked: string[] } {
  const asked: string[] = []
  const lookup: LookupFunction = (hostname, _options, callback) => {
    asked.push(hostname)
    const answers = zone[hostname] ?? [['127.0.0.1']]
    const number = asked.filter((one) => one === hostname).length
    const addresses = answers[Math.min(number, answers.length) - 1] ?? []
    const found: LookupAddress[] = addresses.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }))
    callback(null, found)
  }
  return { lookup, asked }
}

/** As it is, but that this machine is taken for one of the Internet. */
const asPublic = (address: string): Reach => (address === '127.0.0.1' ? 'public' : reachOfAddress(address))

const asPrivate = (address: string): Reach => (address === '127.0.0.1' ? 'private' : reachOfAddress(address))

interface Setup {
  readonly source: Upstream
  readonly target: Upstream
  readonly asked: readonly string[]
  /** Gets a file that the source redirects to a place. */
  readonly follow: (location: string) => Promise<string>
}

async function setUp(
  t: TestContext,
  zone: Zone = {},
  options: Partial<UpstreamOptions> = {},
): Promise<Setup> {
  const [root, secrets] = [tempDir(t), tempDir(t)]
  writeFileSync(join(root, 'file'), 'own')
  writeFileSync(join(secrets, 'secret'), 'a secret')
  const [source, target] = [await startUpstream(t, root), await startUpstream(t, secrets)]
  const { lookup, asked } = createResolver(zone)
  const { upstream } = openUpstream(t, [`http://localhost:${source.port}/`], {
    lookup,
    reachOf: asPublic,
    ...options,
  })
  const follow = async (location: string) => {
    source.rules = [{ match: 'file', redirectTo: location.replace('PORT', `${target.port}`) }]
    return (await readBody(await upstream.get('file'))).toString()
  }
  return { source, target, asked, follow }
}

const REFUSED = {
  code: 'UPSTREAM_REFUSED',
  message: /^http:\/\/localhost:\d+\/file leads where it may not: /,
}

describe('a public upstream may not redirect to', () => {
  const addresses = [
    ['the metadata of a cloud', 'http://169.254.169.254/latest/meta-data/'],
    ['the metadata of a cloud, in IPv6', 'http://[fd00:ec2::254]/latest/'],
    ['a private address', 'http://10.1.2.3:PORT/secret'],
    ['a private address within IPv6', 'http://[::ffff:192.168.1.1]/secret'],
    ['a private address in one number', 'http://167838211/secret'],
    ['a private address in octal', 'http://012.1.2.3/secret'],
    ['this machine in IPv6', 'http://[::1]:PORT/secret'],
    ['this machine by the address of none', 'http://0.0.0.0:PORT/secret'],
  ] as const
  for (const [what, location] of addresses)
    test(what, async (t) => {
      const { follow, target } = await setUp(t)
      await assert.rejects(follow(location), REFUSED)
      assert.equal(target.count(), 0)
    })

  test('a name of a private address, or one among others', async (t) => {
    const { follow, asked } = await setUp(t, {
      'intranet.test': [['10.0.0.1']],
      'both.test': [['169.254.169.254', '10.0.0.1']],
    })
    await assert.rejects(follow('http://intranet.test/secret'), REFUSED)
    await assert.rejects(follow('http://both.test/secret'), REFUSED)
    assert.deepEqual(
      asked.filter((name) => name !== 'localhost'),
      ['intranet.test', 'both.test'],
    )
  })

  test('a name that resolves to another address every time: the one that is judged is the one that is connected to', async (t) => {
    const rebinding = [['127.0.0.1'], ['10.0.0.1'], ['169.254.169.254']]
    const { follow, target } = await setUp(t, {
      localhost: [['127.0.0.1']],
      'rebinding.test': rebinding.slice(1),
    })
    await assert.rejects(follow('http://rebinding.test:PORT/secret'), REFUSED)
    await assert.rejects(follow('http://rebinding.test:PORT/secret'), REFUSED)
    assert.equal(target.count(), 0)
  })

  test('anything that is no http', async (t) => {
    const { follow } = await setUp(t)
    for (const location of ['file:///etc/passwd', 'gopher://h/', 'ftp://h/'])
      await assert.rejects(follow(location), { code: 'UPSTREAM_STATUS', message: /no http or https URL/ })
  })

  test('a private place by way of another public one', async (t) => {
    const { source, target, follow } = await setUp(t)
    target.rules = [{ match: 'hop', redirectTo: 'http://10.0.0.1/secret' }]
    await assert.rejects(follow('http://127.0.0.1:PORT/hop'), REFUSED)
    assert.deepEqual([source.count(), target.count()], [1, 1])
  })
})

describe('an upstream may redirect', () => {
  test('to another public place', async (t) => {
    const { follow } = await setUp(t)
    assert.equal(await follow('http://127.0.0.1:PORT/secret'), 'a secret')
  })

  test('within the private network, when it is in one itself', async (t) => {
    const { follow, target } = await setUp(t, {}, { reachOf: asPrivate })
    assert.equal(await follow('http://127.0.0.1:PORT/secret'), 'a secret')
    target.rules = [{ match: 'secret', redirectTo: 'http://169.254.169.254/' }]
    await assert.rejects(follow('http://127.0.0.1:PORT/secret'), REFUSED)
  })

  test('to what the configuration names, wherever that is', async (t) => {
    const root = tempDir(t)
    writeFileSync(join(root, 'file'), 'internal')
    const internal = await startUpstream(t, root)
    // What is reached by ::1 would be of another network than what is reached by 127.0.0.1.
    const source = await startUpstream(t, tempDir(t))
    const zone = { localhost: [['127.0.0.1']] }
    const baseurls = [`http://localhost:${source.port}/`, internal.url]
    const { upstream } = openUpstream(t, baseurls, { lookup: createResolver(zone).lookup, reachOf: asPublic })
    source.rules = [{ match: 'file', redirectTo: `${internal.url}file` }]
    assert.equal((await readBody(await upstream.get('file'))).toString(), 'internal')
  })
})

describe('a name of the configuration', () => {
  test('is asked in a private network, but not where clouds keep secrets', async (t) => {
    const { lookup } = createResolver({ localhost: [['169.254.169.254']] })
    const { upstream } = openUpstream(t, ['http://localhost:1/'], { lookup })
    await assert.rejects(upstream.get('file'), {
      code: 'UPSTREAM_REFUSED',
      message: /its address is link-local/,
    })
  })

  test('that was once seen in public stays so, whatever it resolves to later', async () => {
    const { lookup } = createResolver({
      'mirror.test': [['10.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['10.0.0.1']],
    })
    const guard = new AddressGuard({ lookup })
    const resolve = () =>
      new Promise<void>((done) => guard.resolveOwn('mirror.test', { all: true }, () => done()))
    const reaches: Reach[] = [guard.reachOfHost('mirror.test')]
    for (let round = 0; round < 3; round += 1) {
      await resolve()
      reaches.push(guard.reachOfHost('mirror.test'))
    }
    assert.deepEqual(reaches, ['public', 'private', 'public', 'public'])
  })
})
