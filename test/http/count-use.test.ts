import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { MirrorUsageDetailsView, MirrorUsageView } from '../../src/proxy/api-usage.ts'
import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { Connection } from './connection.ts'
import { SNAPSHOT, startSite, type Site } from './site.ts'

const SMALL = seededBytes('small', 5_000)
const LARGE = seededBytes('large', 300_000)
const HUGE = seededBytes('huge', 16 << 20)
const PACKAGES = [
  { name: 'small', href: 'Packages/small.rpm', content: SMALL },
  { name: 'large', href: 'Packages/large.rpm', content: LARGE },
]
const CURL = 'User-Agent: curl/8.5.0'
const YUM = 'User-Agent: urlgrabber/3.10 yum/3.4.3'

/** Linux has all of 127.0.0.0/8: a client for every address of it. */
const MANY_ADDRESSES = { skip: process.platform === 'linux' ? false : 'needs the addresses of Linux' }

async function askTcp(site: Site): Promise<MirrorUsageDetailsView> {
  return JSON.parse((await httpGet(`${site.url}/api/v1/usage/m`)).body.toString()) as MirrorUsageDetailsView
}

async function askAdmin(site: Site): Promise<MirrorUsageDetailsView> {
  const connection = await Connection.open(join(site.dataDir, 'admin.sock'))
  const { body } = await connection.get('/api/v1/usage/m')
  connection.close()
  return JSON.parse(body.toString()) as MirrorUsageDetailsView
}

describe('a use', () => {
  const small = 'Packages/small.rpm'
  const cases: readonly (readonly [
    title: string,
    target: string,
    method: string,
    headers: readonly string[],
    bytes: number | undefined,
  ])[] = [
    ['is a package', `/repos/yum/m/${SNAPSHOT}/${small}`, 'GET', [], 5_000],
    [
      'is a package that is no longer small',
      `/repos/yum/m/${SNAPSHOT}/Packages/large.rpm`,
      'GET',
      [],
      300_000,
    ],
    ['is one by its rolling name', `/repos/yum/m/latest/${small}`, 'GET', [], 5_000],
    ['is one by its old rolling name', `/repos/yum/m/base/${small}`, 'GET', [], 5_000],
    ['is the name of the current snapshot', '/repos/yum/m/latest.txt', 'GET', [], 17],
    ['is a range', `/repos/yum/m/${SNAPSHOT}/${small}`, 'GET', ['Range: bytes=10-29'], 20],
    [
      'is a large range',
      `/repos/yum/m/${SNAPSHOT}/Packages/large.rpm`,
      'GET',
      ['Range: bytes=-200000'],
      200_000,
    ],
    ['is a HEAD, without bytes', `/repos/yum/m/${SNAPSHOT}/${small}`, 'HEAD', [], 0],
    ['is a HEAD of the name', '/repos/yum/m/latest.txt', 'HEAD', [], 0],
    ['is what had not changed', `/repos/yum/m/${SNAPSHOT}/${small}`, 'GET', ['If-None-Match: *'], 0],
    ['is not what is not there', `/repos/yum/m/${SNAPSHOT}/none`, 'GET', [], undefined],
    ['is not what is not in the rolling view', '/repos/yum/m/latest/none', 'GET', [], undefined],
    [
      'is not a range that cannot be',
      `/repos/yum/m/${SNAPSHOT}/${small}`,
      'GET',
      ['Range: bytes=9999-'],
      undefined,
    ],
    [
      'is not a condition that failed',
      `/repos/yum/m/${SNAPSHOT}/${small}`,
      'GET',
      ['If-Match: "x"'],
      undefined,
    ],
    ['is not a refused method', `/repos/yum/m/${SNAPSHOT}/${small}`, 'PUT', [], undefined],
    ['is not a redirect', `/repos/yum/m/${SNAPSHOT}/Packages`, 'GET', [], undefined],
    ['is not an index', '/repos/yum/all_latest.json', 'GET', [], undefined],
    ['is not a listing of mirrors', '/repos/yum/', 'GET', [], undefined],
    ['is not a question to the API', `/api/v1/mirrors/m/snapshots/${SNAPSHOT}`, 'GET', [], undefined],
  ]
  for (const [title, target, method, headers, bytes] of cases)
    test(title, async (t) => {
      const site = await startSite(t, { packages: PACKAGES })
      const connection = await site.connect()
      for (let round = 0; round < 2; round += 1)
        await connection.get(target, { method, headers: [...headers, CURL] })
      await site.log.waitFor('request', 2)
      const { requests, bytes: sent, agents, clients } = await askTcp(site)
      if (bytes === undefined) assert.deepEqual([requests, sent, clients, agents], [0, 0, 0, []])
      else
        assert.deepEqual(
          [requests, sent, clients, agents],
          [2, 2 * bytes, 1, [{ agent: 'curl', requests: 2 }]],
        )
    })

  test('is a multipart answer, with what stands between its parts', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    const headers = ['Range: bytes=0-9,20-29', CURL]
    const { body } = await connection.get(`${site.base}${small}`, { headers })
    await site.log.waitFor('request')
    assert.equal((await askTcp(site)).bytes, body.length)
  })

  test('is a download that the client broke off, with what it got of it', async (t) => {
    const site = await startSite(t, { packages: [{ name: 'huge', href: 'huge.rpm', content: HUGE }] })
    const never = gate()
    site.upstream.rules = [{ match: '.rpm', stall: { afterBytes: 1_000_000, until: never } }]
    const connection = await site.connect()
    connection.ask(`${site.base}huge.rpm`, { headers: [CURL] })
    await connection.received(500_000)
    connection.close()
    await site.log.waitFor('request')
    const { requests, bytes, agents } = await askTcp(site)
    assert.deepEqual([requests, agents], [1, [{ agent: 'curl', requests: 1 }]])
    assert.ok(bytes >= 400_000 && bytes <= 1_000_000, `${bytes} bytes`)
    never.open()
  })

  test('is one that the client did not wait for, and not one that upstream failed', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const held = gate()
    site.upstream.rules = [{ match: 'large.rpm', times: 1, hold: held }]
    const connection = await site.connect()
    connection.ask(`${site.base}Packages/large.rpm`, { headers: [CURL] })
    await site.upstream.waitFor('large.rpm')
    connection.socket.resetAndDestroy()
    await site.log.waitFor('request')
    assert.deepEqual(await counts(site), [1, 0])
    held.open()
    await site.filled()
    await site.upstream.stop()
    const { status } = await httpGet(`${site.url}${site.base}${small}`)
    assert.equal(status, 502)
    assert.deepEqual(await counts(site), [1, 0])
  })
})

async function counts(site: Site): Promise<[number, number]> {
  const { requests, bytes } = await askTcp(site)
  return [requests, bytes]
}

function summarize({ recent_clients: clients }: MirrorUsageDetailsView): string[] {
  return clients.map(({ client, agent, requests, bytes }) => `${client} ${agent} ${requests} ${bytes}`)
}

describe('who uses it', () => {
  test(
    'is told by address to the owner of the socket, by network to everybody else',
    MANY_ADDRESSES,
    async (t) => {
      const site = await startSite(t, { packages: PACKAGES, others: ['unused'] })
      let requests = 0
      for (const [address, userAgent] of [
        ['127.1.2.3', 'curl/8.5.0'],
        ['127.1.2.3', 'curl/8.6.0'],
        ['127.1.2.4', 'curl/8.5.0'],
        ['127.1.2.4', 'urlgrabber/3.10 yum/3.4.3'],
        ['127.1.9.1', 'curl/8.5.0'],
      ] as const) {
        await getFrom(address, `${site.url}${site.base}Packages/small.rpm`, userAgent)
        await site.log.waitFor('request', (requests += 1))
        site.later(1_000)
      }
      assert.deepEqual(summarize(await askAdmin(site)), [
        '127.1.9.1 curl 1 5000',
        '127.1.2.4 yum 3 1 5000',
        '127.1.2.4 curl 1 5000',
        '127.1.2.3 curl 2 10000',
      ])
      const open = await askTcp(site)
      assert.deepEqual(summarize(open), [
        '127.1.9.0/24 curl 1 5000',
        '127.1.2.0/24 yum 3 1 5000',
        '127.1.2.0/24 curl 3 15000',
      ])
      assert.deepEqual(
        [open.clients, open.snapshots.map(({ snapshot, clients }) => [snapshot, clients])],
        [3, [[SNAPSHOT, 3]]],
      )
      const all = JSON.parse((await httpGet(`${site.url}/api/v1/usage`)).body.toString()) as {
        mirrors: MirrorUsageView[]
      }
      assert.deepEqual(
        all.mirrors.map(({ mirror, requests, clients }) => [mirror, requests, clients]),
        [
          ['m', 5, 3],
          ['unused', 0, 0],
        ],
      )
      const [, unused] = all.mirrors
      assert.deepEqual([unused?.first_seen, unused?.last_seen, unused?.counted_since], [null, null, null])
    },
  )

  test('is seen anew when a connection changes what it says it is', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const connection = await site.connect()
    for (const headers of [[CURL], [CURL], [YUM], [], [CURL]])
      await connection.get(`${site.base}Packages/small.rpm`, { headers })
    await site.log.waitFor('request', 5)
    assert.deepEqual((await askTcp(site)).agents, [
      { agent: 'curl', requests: 3 },
      { agent: 'none', requests: 1 },
      { agent: 'yum 3', requests: 1 },
    ])
  })

  test('adds up exactly: 64 clients at once, pipelining or not', MANY_ADDRESSES, async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    const [rounds, clients] = [20, 64]
    await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 2 })
        const path = index % 2 === 0 ? 'small' : 'large'
        const url = `${site.url}${site.base}Packages/${path}.rpm`
        const gets = Array.from({ length: rounds }, () =>
          getFrom(`127.5.${index}.1`, url, index % 4 === 0 ? 'Wget/1.21' : 'curl/8.5.0', agent),
        )
        await Promise.all(gets)
        agent.destroy()
      }),
    )
    const connection = await site.connect()
    for (let round = 0; round < 100; round += 1)
      connection.ask(`${site.base}Packages/small.rpm`, { headers: [YUM] })
    for (let round = 0; round < 100; round += 1) await connection.reply()
    // The log tells some of so many by their sum.
    const all = rounds * clients + 100
    let found = await askAdmin(site)
    while (found.requests < all) found = await askAdmin(site)
    const bytes = (rounds * clients * (SMALL.length + LARGE.length)) / 2 + 100 * SMALL.length
    assert.deepEqual([found.requests, found.bytes, found.clients], [all, bytes, clients + 1])
    assert.deepEqual(found.agents, [
      { agent: 'curl', requests: rounds * 48 },
      { agent: 'wget', requests: rounds * 16 },
      { agent: 'yum 3', requests: 100 },
    ])
    assert.equal(found.recent_clients.length, clients + 1)
    for (const one of found.recent_clients)
      assert.equal(one.requests, one.client === '127.0.0.1' ? 100 : rounds)
  })
})

describe('the API of use', () => {
  test('knows no other mirrors and no more paths', async (t) => {
    const site = await startSite(t)
    for (const path of ['usage/none', 'usage/m/x', 'usage/m/x/y']) {
      const { status, headers } = await httpGet(`${site.url}/api/v1/${path}`)
      assert.deepEqual([status, headers['content-type']], [404, 'application/problem+json'])
    }
  })

  test('answers what is stored when nothing more can be', async (t) => {
    const site = await startSite(t, { packages: PACKAGES })
    await httpGet(`${site.url}${site.base}Packages/small.rpm`)
    assert.deepEqual(await counts(site), [1, 5_000])
    const add = t.mock.method(site.app.store.usage, 'add', async () => {
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    })
    await httpGet(`${site.url}${site.base}Packages/small.rpm`)
    await site.log.waitFor('request', 3)
    assert.deepEqual(await counts(site), [1, 5_000])
    add.mock.restore()
    assert.deepEqual(await counts(site), [2, 10_000])
  })
})

/** A GET from one of this machine's addresses. */
async function getFrom(address: string, url: string, userAgent: string, agent?: Agent): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const options = { localAddress: address, headers: { 'User-Agent': userAgent }, ...(agent ? { agent } : {}) }
  const sent = request(url, options, (response) => {
    assert.equal(response.statusCode, 200)
    response.on('end', resolve).on('error', reject).resume()
  })
  sent.on('error', reject).end()
  await promise
}
