import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { formatDetails, formatMirrors, isIdle } from '../../src/cli/usage.ts'
import type { MirrorUsageDetailsView, MirrorUsageView } from '../../src/proxy/api-usage.ts'
import { httpGet } from '../support/http-get.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { createFarm, pinyon } from './pinyon.ts'

const NOW = Date.UTC(2026, 10, 22)
const DAY_MS = 86_400_000

function daysAgo(days: number): string {
  return new Date(NOW - days * DAY_MS).toISOString()
}

const NEVER: MirrorUsageView = {
  mirror: 'never',
  counted_since: daysAgo(30),
  requests: 0,
  bytes: 0,
  clients: 0,
  agents: [],
  first_seen: null,
  last_seen: null,
}
const USED: MirrorUsageView = {
  mirror: 'used',
  counted_since: daysAgo(30),
  requests: 1_234,
  bytes: 5 << 20,
  clients: 130,
  first_seen: daysAgo(29),
  last_seen: daysAgo(3),
  agents: [
    { agent: 'dnf 4', requests: 1_000 },
    { agent: 'yum 3', requests: 234 },
  ],
}

describe('a mirror is idle', () => {
  const cases: readonly (readonly [string, Partial<MirrorUsageView>, boolean])[] = [
    ['when it was not used for 14 days', { last_seen: daysAgo(14) }, true],
    ['not before', { last_seen: new Date(NOW - 14 * DAY_MS + 1).toISOString() }, false],
    ['when it was never used in 14 days of counting', { last_seen: null, counted_since: daysAgo(14) }, true],
    ['not when that is not yet so long', { last_seen: null, counted_since: daysAgo(13) }, false],
    ['not when there is nothing to use', { last_seen: null, counted_since: null }, false],
  ]
  for (const [title, changes, idle] of cases)
    test(title, () => assert.equal(isIdle({ ...USED, ...changes }, NOW), idle))
})

describe('the list of mirrors', () => {
  test('has never used ones first, then by how long they were not, and says which nobody needs', () => {
    const old = { ...USED, mirror: 'old', last_seen: daysAgo(20), clients: 128 }
    const fresh = { ...NEVER, mirror: 'fresh', counted_since: null }
    assert.equal(
      formatMirrors([USED, old, NEVER, fresh], NOW),
      [
        'MIRROR  LAST USED  REQUESTS  SENT     CLIENTS  AGENTS',
        'never   never      0         0 B      0',
        'fresh   never      0         0 B      0',
        'old     20 d ago   1234      5.0 MiB  128      dnf 4, yum 3',
        'used    3 d ago    1234      5.0 MiB  ~130     dnf 4, yum 3',
        '',
        'Used by nobody for 14 days: never old',
        '',
      ].join('\n'),
    )
    assert.doesNotMatch(formatMirrors([USED], NOW), /nobody/)
  })
})

describe('the page of a mirror', () => {
  const details: MirrorUsageDetailsView = {
    ...USED,
    last_seen: daysAgo(16),
    snapshots: [{ ...USED, snapshot: '2026-11-01-02-13', retired: true, last_seen: daysAgo(16) }],
    recent_clients: [
      {
        client: '10.0.0.1\u001b[2J',
        agent: 'yum 3',
        requests: 7,
        bytes: 100,
        first_seen: daysAgo(20),
        last_seen: daysAgo(16),
      },
    ],
  }

  test('has a verdict, the snapshots and the clients', () => {
    assert.equal(
      formatDetails(details, NOW),
      [
        'used: used by nobody for 14 days, last used 16 d ago: 1234 requests, 5.0 MiB, ~130 clients',
        '',
        'SNAPSHOT          LAST USED  REQUESTS  SENT     CLIENTS  AGENTS',
        '2026-11-01-02-13  16 d ago   1234      5.0 MiB  ~130     dnf 4, yum 3  retired',
        '',
        'CLIENT        AGENT  LAST USED  REQUESTS  SENT',
        '10.0.0.1?[2J  yum 3  16 d ago   7         100 B',
        '',
      ].join('\n'),
    )
  })

  test('of one that was never used says what that is worth', () => {
    const never = { ...NEVER, snapshots: [], recent_clients: [] }
    const young = { ...never, counted_since: daysAgo(3) }
    const empty = { ...never, counted_since: null }
    assert.deepEqual(
      [never, young, empty].map((one) => formatDetails(one, NOW)),
      [
        'never: used by nobody for 14 days, never used, counted since 30 d ago\n',
        'never: never used, counted since 3 d ago\n',
        'never: never used: it has no snapshot yet\n',
      ],
    )
  })
})

describe('pinyon usage', () => {
  test('exits 3 where there is nothing to tell of, without a server as with one', async (t) => {
    const farm = createFarm(t, ['one', 'two'])
    const none = await farm.run('usage')
    assert.deepEqual([none.code, none.stderr], [3, ''])
    assert.match(none.stdout, /^No mirrors yet/)
    farm.publish('one', [{ name: 'a' }])
    await farm.sync('one')
    const all = await farm.run('usage')
    assert.deepEqual([all.code, all.stderr], [0, ''])
    assert.match(all.stdout, /^MIRROR .*\none +never +0 +0 B +0\ntwo +never +0 +0 B +0\n$/)
    const unused = await farm.run('usage', 'one')
    assert.deepEqual([unused.code, unused.stderr], [3, ''])
    assert.match(unused.stdout, /^one: never used, counted since \d+ s ago\n$/)
    const unknown = await farm.run('usage', 'x\u001b[31m')
    assert.deepEqual(
      [unknown.code, unknown.stdout, unknown.stderr],
      [3, '', 'no such mirror, there are one, two: x?[31m\n'],
    )
  })

  test('tells who it was, while the server runs and after it', async (t) => {
    const root = tempDir(t)
    const { packages } = writeSyntheticRepository(root, { packages: [{ name: 'a', content: 3 << 20 }] })
    const upstream = await startUpstream(t, root)
    const mirrors = { m: { baseurl: upstream.url }, unused: { baseurl: upstream.url } }
    const server = await startServer(t, { mirrors, synced: true })
    const run = (...args: string[]) => pinyon([...args, '--config', server.configFile])
    const url = `${server.url}/repos/yum/m/latest/${packages[0]?.href}`
    for (const agent of ['curl/8.5.0', 'libdnf (Fedora Linux 43; generic; Linux.x86_64)'])
      assert.equal((await httpGet(url, { headers: { 'User-Agent': agent } })).status, 200)
    const check = async () => {
      const all = await run('usage')
      assert.equal(all.code, 0)
      assert.match(all.stdout, /^unused +never +0 +0 B +0\nm +\d+ s ago +2 +6\.0 MiB +1 +curl, dnf 5\n$/m)
      const one = await run('usage', 'm')
      assert.equal(one.code, 0)
      assert.match(one.stdout, /^m: last used \d+ s ago: 2 requests, 6\.0 MiB, 1 client\n/)
      assert.match(one.stdout, /^127\.0\.0\.1 +dnf 5 +\d+ s ago +1 +3\.0 MiB$/m)
      const json = JSON.parse((await run('usage', 'm', '--json')).stdout) as MirrorUsageDetailsView
      assert.deepEqual(json.recent_clients.map(({ client, agent }) => `${client} ${agent}`).toSorted(), [
        '127.0.0.1 curl',
        '127.0.0.1 dnf 5',
      ])
      const list = JSON.parse((await run('usage', '--json')).stdout) as { mirrors: MirrorUsageView[] }
      assert.deepEqual(
        list.mirrors.map(({ mirror, requests }) => [mirror, requests]),
        [
          ['m', 2],
          ['unused', 0],
        ],
      )
    }
    await check()
    await server.kill('SIGTERM')
    await check()
  })
})
