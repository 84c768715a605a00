import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { test } from 'node:test'

import { httpGet } from '../../support/http-get.ts'
import { startWorkerFarm } from './worker-farm.ts'

test('a worker tells of the client that a trusted proxy asks for, as soon as the configuration says so, and no longer', async (t) => {
  const farm = await startWorkerFarm(t, { workers: 2, packages: [{ name: 'a', content: 2_000 }] })
  const [pid = 0] = await farm.waitForWorkers(1)
  const path = `${farm.base}/${farm.hrefs[0]}`
  while ((await httpGet(`${farm.server.url}${path}`)).headers['x-cache'] !== 'hit');
  const socket = await farm.connectTo(pid)
  const ask = async (client: string) => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: ${client}\r\n\r\n`)
    await once(socket, 'data')
    assert.deepEqual(farm.ownersOf([socket]), [pid])
  }
  const clients = async () => {
    const { body } = await httpGet(`${farm.server.url}/api/v1/usage/m`)
    const { recent_clients: recent } = JSON.parse(body.toString()) as { recent_clients: { client: string }[] }
    return recent.map(({ client }) => client)
  }
  const configure = (trusted: readonly string[]) => {
    const config = { ...(JSON.parse(farm.configure(2)) as object), trusted_proxies: trusted }
    writeFileSync(
      `${farm.server.configFile}.new`,
      JSON.stringify({ ...config, dashboard: { clients: 'full' } }),
    )
    renameSync(`${farm.server.configFile}.new`, farm.server.configFile)
  }
  await ask('198.51.100.1')
  configure(['127.0.0.0/8'])
  while (!(await clients()).includes('198.51.100.2')) await ask('198.51.100.2')
  configure([])
  // Who is not believed any more adds nothing to what the proxy itself has asked for.
  const own = async () => {
    const { body } = await httpGet(`${farm.server.url}/api/v1/usage/m`)
    const found = JSON.parse(body.toString()) as { recent_clients: { client: string; requests: number }[] }
    return found.recent_clients
      .filter(({ client }) => client === '127.0.0.1')
      .reduce((sum, { requests }) => sum + requests, 0)
  }
  const before = await own()
  while ((await own()) === before) await ask('198.51.100.3')
  assert.ok(!(await clients()).includes('198.51.100.1'))
})
