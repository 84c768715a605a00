import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import { Connection, type WireReply } from '../../http/connection.ts'
import { startWorkerFarm } from './worker-farm.ts'

const INDEX = '/repos/yum/all_latest.json'
const NAME = '/repos/yum/m/latest.txt'
const REPOMD = '/repos/yum/m/latest/repodata/repomd.xml'

/** What an index says of the mirror; nothing when it does not name it. */
function urlIn({ body }: WireReply): string | undefined {
  return (JSON.parse(body.toString()) as { latest_ci_repos: Record<string, string> }).latest_ci_repos['m']
}

test('the index, the first process and a worker', async (t) => {
  const packages = [{ name: 'small', content: 3_000 }]
  const farm = await startWorkerFarm(t, { workers: 2, packages })
  const { server, main } = farm
  const [worker = 0] = await farm.waitForWorkers(1)
  const held = [
    { pid: main, ...(await connect(main)) },
    { pid: worker, ...(await connect(worker)) },
  ]
  const admin = await Connection.open(`${server.dataDir}/admin.sock`)
  t.after(() => admin.close())
  const { mirrors } = JSON.parse(readFileSync(server.configFile, 'utf8')) as {
    mirrors: { m: { baseurl: string } }
  }
  configure([])

  async function connect(pid: number) {
    const socket = await farm.connectTo(pid)
    return { socket, connection: Connection.over(socket) }
  }

  /** Writes the configuration as one does who is to edit it. */
  function configure(top: readonly string[], mirror: readonly string[] = []): void {
    const lines = ['listen: 127.0.0.1:0', 'data_dir: ./data', 'sync_interval: off', 'workers: 2', ...top]
    const below = [`baseurl: ${mirrors.m.baseurl}`, 'retries: 0', 'policy: on_demand', ...mirror]
    const text = [...lines, 'mirrors:', '  m:', ...below.map((line) => `    ${line}`), '']
    writeFileSync(server.configFile, text.join('\n'))
  }

  async function write(method: 'POST' | 'PUT' | 'DELETE', path: string, body = '{}'): Promise<void> {
    admin.send(
      `${method} /api/v1/${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    const reply = await admin.reply()
    assert.equal(reply.status, 200, reply.body.toString())
  }

  async function view(pid: number): Promise<string | undefined> {
    const { connection } = await connect(pid)
    const url = urlIn(await connection.get('/repos/views/job/all_latest.json'))
    connection.close()
    return url?.slice(url.lastIndexOf('/') + 1)
  }

  /** What both say at once, and then again from what they remember. Gives the snapshot's name. */
  async function ask(base = 'http://example.org'): Promise<string> {
    const names = new Set<string>()
    for (const { pid, socket, connection } of held)
      for (const isFirst of [true, false]) {
        const [index, name, repomd] = [
          await connection.get(INDEX),
          await connection.get(NAME),
          await connection.get(REPOMD),
        ]
        names.add(name.body.toString().trim())
        const [only] = names
        assert.equal(urlIn(index), `${base}/repos/yum/m/${only}`)
        assert.equal(name.header('x-pinyon-snapshot'), only)
        assert.equal(repomd.header('x-pinyon-snapshot'), only)
        // node:http names every request, and a worker has none.
        if (!isFirst)
          for (const reply of [index, name, repomd]) assert.equal(reply.header('x-request-id'), undefined)
        assert.deepEqual(farm.ownersOf([socket]), [pid])
      }
    assert.equal(names.size, 1)
    return [...names][0] ?? ''
  }

  const first = await ask()
  await t.test('tell what was published', async () => {
    await farm.publish()
    assert.notEqual(await ask(), first)
  })

  const second = await ask()
  await t.test('tell what is pinned, and what when it is not any more', async () => {
    await write('PUT', 'mirrors/m/pin', JSON.stringify({ snapshot: first }))
    assert.equal(await ask(), first)
    await write('DELETE', 'mirrors/m/pin')
    assert.equal(await ask(), second)
  })

  await t.test('tell what was rolled back to', async () => {
    await write('POST', 'mirrors/m/rollback')
    assert.equal(await ask(), first)
    await write('DELETE', 'mirrors/m/pin')
    assert.equal(await ask(), second)
  })

  await t.test('begin URLs as the configuration says that runs', async () => {
    configure(['public_url: https://mirror.example.org/yum'])
    await write('POST', 'reload')
    await ask('https://mirror.example.org/yum')
    configure([])
    await write('POST', 'reload')
    await ask()
  })

  await t.test('begin URLs with the host that was asked', async () => {
    for (const { connection } of held)
      for (const host of ['a.example.org', 'b.example.org:8080', 'a.example.org']) {
        connection.send(`GET ${INDEX} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        assert.equal(urlIn(await connection.reply()), `http://${host}/repos/yum/m/${second}`)
      }
  })

  await t.test('go on while a view stands still, and it ends at once', async () => {
    assert.equal(await view(worker), second)
    await write('PUT', 'mirrors/m/pin', JSON.stringify({ snapshot: first }))
    assert.equal(await ask(), first)
    for (const pid of [main, worker]) assert.equal(await view(pid), second)
    assert.equal(await ask(), first)
    await write('DELETE', 'views/job')
    for (const pid of [main, worker]) assert.equal(await view(pid), first)
    await write('DELETE', 'views/job')
    await write('DELETE', 'mirrors/m/pin')
    assert.equal(await ask(), second)
  })

  await t.test('forget what was retired', async () => {
    await write('DELETE', `mirrors/m/snapshots/${first}`)
    assert.equal(await ask(), second)
  })

  await t.test('name no mirror that was switched off', async () => {
    configure([], ['enabled: false'])
    await write('POST', 'reload')
    for (const pid of [main, worker]) {
      const { connection } = await connect(pid)
      assert.equal(urlIn(await connection.get(INDEX)), undefined)
      assert.notEqual((await connection.get(NAME)).status, 200)
      connection.close()
    }
  })
})
