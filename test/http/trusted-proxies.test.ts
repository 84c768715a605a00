import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TrustedProxies } from '../../src/model/trusted-proxies.ts'
import { httpGet } from '../support/http-get.ts'
import { startApp } from '../support/start-app.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { formatRequest, startFastServer } from './fast/fast-server.ts'

const WARM = '/warm'

test('a warm file is known to be asked for by the same client, whoever answers it', async (t) => {
  const server = await startFastServer(t, [[WARM, 1_000]])
  const ask = async (isFast: boolean, ...requests: (readonly string[])[]) => {
    server.switchOn(isFast)
    const before = server.log.of('request').length
    const connection = await server.connect()
    for (const headers of requests) {
      connection.send(formatRequest(WARM, ...headers))
      assert.equal((await connection.reply()).status, 200)
    }
    const lines = await server.log.waitFor('request', before + requests.length)
    return lines.slice(before).map(({ client }) => client)
  }
  const requests = [
    [],
    ['X-Forwarded-For: 198.51.100.7'],
    ['X-Forwarded-For: 198.51.100.8', 'X-Real-IP: 203.0.113.9'],
    [],
    ['X-Forwarded-For: 6.6.6.6, 198.51.100.7, 127.0.0.1'],
    ['X-Forwarded-For: nobody'],
    ['X-Forwarded-For: 198.51.100.1', 'X-Forwarded-For: 198.51.100.2'],
    ['Forwarded: for=198.51.100.3'],
    ['Forwarded: for=198.51.100.3', 'X-Forwarded-For: 198.51.100.4'],
  ]
  const peer = '127.0.0.1'
  const told = [
    peer,
    '198.51.100.7',
    '198.51.100.8',
    peer,
    '198.51.100.7',
    peer,
    '198.51.100.2',
    '198.51.100.3',
    '198.51.100.4',
  ]
  const nobody = requests.map(() => peer)
  for (const [proxies, expected] of [
    [[], nobody],
    [['127.0.0.0/8'], told],
    [['10.0.0.0/8'], nobody],
  ] as const) {
    server.trust(...proxies)
    assert.deepEqual(await ask(false, ...requests), expected, 'by node:http')
    assert.deepEqual(await ask(true, ...requests), expected, 'on the connection, as far as it goes')
    const handled = server.handled.length
    assert.deepEqual(await ask(true, ...requests.slice(0, 6)), expected.slice(0, 6))
    assert.equal(server.handled.length, handled, 'none of them went by node:http')
  }
})

test("on a connection that was a trusted proxy's, whom it asks for counts no longer when it is no more", async (t) => {
  const server = await startFastServer(t, [[WARM, 1_000]])
  const connection = await server.connect()
  const clients = []
  for (const proxies of [['127.0.0.1'], [], ['127.0.0.1']]) {
    server.trust(...proxies)
    connection.send(formatRequest(WARM, 'X-Forwarded-For: 198.51.100.7'))
    await connection.reply()
    clients.push((await server.log.waitFor('request', clients.length + 1)).at(-1)?.['client'])
  }
  assert.deepEqual(clients, ['198.51.100.7', '127.0.0.1', '198.51.100.7'])
})

test('views and usage are those of the client that a trusted proxy asks for', async (t) => {
  const settings = {
    trustedProxies: new TrustedProxies(['127.0.0.1']),
    dashboard: { clients: 'full' },
  } as const
  const root = tempDir(t)
  const { packages } = writeSyntheticRepository(root, { packages: [{ name: 'a' }] })
  const upstream = await startUpstream(t, root)
  const app = await startApp(t, { mirrors: { m: upstream.url }, settings })
  await app.sync('m')
  const open = async (name: string, client?: string) =>
    await httpGet(`${app.url}/repos/views/${name}/all_latest.json`, {
      headers: client === undefined ? {} : { 'X-Forwarded-For': client },
    })
  await open('a', '198.51.100.7')
  await open('b', '2001:db8::1')
  await open('c')
  const { body } = await httpGet(`${app.url}/api/v1/views`)
  const { views } = JSON.parse(body.toString()) as { views: { name: string; client: string }[] }
  assert.deepEqual(views.map(({ name, client }) => `${name} ${client}`).toSorted(), [
    'a 198.51.100.7',
    'b 2001:db8::1',
    'c 127.0.0.1',
  ])
  const url = `${await app.current('m')}/${packages[0]?.href}`
  for (const client of ['198.51.100.7', '198.51.100.8', '198.51.100.7'])
    assert.equal((await httpGet(url, { headers: { 'X-Forwarded-For': client } })).status, 200)
  const usage = JSON.parse((await httpGet(`${app.url}/api/v1/usage/m`)).body.toString()) as {
    recent_clients: { client: string }[]
  }
  assert.deepEqual(usage.recent_clients.map(({ client }) => client).toSorted(), [
    '198.51.100.7',
    '198.51.100.8',
  ])
})
