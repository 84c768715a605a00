import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'

import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { createFarm, MAIN } from './pinyon.ts'

interface Serving {
  readonly server: StartedServer
  readonly upstream: Upstream
  /** URL of a package that was never fetched. */
  readonly cold: string
}

async function startServing(t: TestContext): Promise<Serving> {
  const root = tempDir(t)
  const { packages } = writeSyntheticRepository(root, { packages: [{ name: 'a', content: 200_000 }] })
  const upstream = await startUpstream(t, root)
  const server = await startServer(t, { mirrors: { m: { baseurl: upstream.url } }, synced: true })
  return { server, upstream, cold: `${server.url}/repos/yum/m/latest/${packages[0]?.href}` }
}

async function exit(child: ChildProcess): Promise<readonly [number | null, string | null]> {
  if (child.exitCode !== null || child.signalCode !== null) return [child.exitCode, child.signalCode]
  return (await once(child, 'exit')) as [number | null, string | null]
}

/** Loaded into a process before anything else: looks that are two seconds apart come soon, and a collection of all garbage is told. */
const WATCH_COLLECTIONS = `
  import vm from 'node:vm'
  import { syncBuiltinESMExports } from 'node:module'
  const { setInterval } = globalThis
  globalThis.setInterval = (tell, ms, ...more) => setInterval(tell, ms === 2000 ? 50 : ms, ...more)
  const { runInNewContext } = vm
  vm.runInNewContext = (code, ...more) => {
    if (code === 'gc') process._rawDebug('collects ' + process.pid)
    return runInNewContext(code, ...more)
  }
  syncBuiltinESMExports()`

describe('serve', () => {
  test(
    'gives memory back when there is nothing to do, and so do further processes',
    { timeout: 60_000 },
    async (t) => {
      const settings = {
        listen: '127.0.0.1:0',
        data_dir: './data',
        sync_interval: 'off',
        workers: 2,
        mirrors: {},
      }
      const both = gate()
      const collecting = new Set<string>()
      const onError = (said: string) => {
        for (const [, pid = ''] of said.matchAll(/^collects (\d+)$/gm)) collecting.add(pid)
        if (collecting.size === 2) both.open()
      }
      const preload = `--import=data:text/javascript,${encodeURIComponent(WATCH_COLLECTIONS)}`
      const env = { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${preload}` }
      const server = await startServer(t, { text: JSON.stringify(settings), onError, env })
      await both.opened
      assert.ok(collecting.has(String(server.process.pid)))
      assert.equal((await httpGet(`${server.url}/healthz`)).status, 200)
    },
  )

  test('says where it listens and what to do next', async (t) => {
    const farm = createFarm(t, ['epel-el9'])
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', farm.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    const log = text(child.stderr)
    const [welcome] = (await once(child.stdout, 'data')) as [Buffer]
    const url = / on (http:\/\/127\.0\.0\.1:[1-9]\d*)\n/.exec(welcome.toString())?.[1] ?? ''
    assert.match(welcome.toString(), new RegExp(`curl ${url}/repos/yum/all_latest\\.json\n`))
    assert.match(welcome.toString(), /--repofrompath=epel-el9,http/)
    assert.equal((await httpGet(`${url}/repos/yum/all_latest.json`)).status, 200)
    child.kill('SIGINT')
    assert.deepEqual(await exit(child), [0, null])
    const lines = (await log)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['request', 'stopping: running answers may finish', 'stopped'],
    )
  })

  test('takes SIGHUP for a wish to reload as soon as it listens', async (t) => {
    const server = await startServer(t, {})
    server.process.kill('SIGHUP')
    assert.equal((await httpGet(`${server.url}/healthz`)).status, 200)
    assert.equal(server.process.exitCode ?? server.process.signalCode, null)
  })

  test('lets a running download finish at SIGTERM, and exits 0', async (t) => {
    const { server, upstream, cold } = await startServing(t)
    const rest = gate()
    upstream.rules = [{ match: '.rpm', stall: { afterBytes: 100_000, until: rest } }]
    const download = httpGet(cold)
    await upstream.waitFor('.rpm')
    server.process.kill('SIGTERM')
    // As npm passes on what its whole process group has got.
    await new Promise(setImmediate)
    server.process.kill('SIGTERM')
    // New connections are refused as soon as the signal has been taken.
    while (
      await httpGet(`${server.url}/healthz`).then(
        () => true,
        () => false,
      )
    );
    rest.open()
    const { status, complete, body } = await download
    assert.deepEqual([status, complete, body.length], [200, true, 200_000])
    assert.deepEqual(await exit(server.process), [0, null])
  })

  test('ends at once at a second signal, whichever', async (t) => {
    const { server, upstream, cold } = await startServing(t)
    const never = gate()
    upstream.rules = [{ match: '.rpm', hold: never }]
    const download = httpGet(cold)
    const broken = assert.rejects(download)
    await upstream.waitFor('.rpm')
    server.process.kill('SIGTERM')
    while (
      await httpGet(`${server.url}/healthz`).then(
        () => true,
        () => false,
      )
    );
    server.process.kill('SIGINT')
    assert.deepEqual(await exit(server.process), [1, null])
    await broken
    never.open()
  })

  test('tells when something else listens there', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => other.close())
    const { port } = other.address() as AddressInfo
    const farm = createFarm(t, ['one'], { listen: `127.0.0.1:${port}` })
    const { code, stdout, stderr } = await farm.run('serve')
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(
      stderr,
      new RegExp(
        `^cannot listen on 127\\.0\\.0\\.1:${port} \\(listen in .*\\): something else listens there: ss -ltnp shows what; listen: names another port\n$`,
      ),
    )
  })

  test('tells when its directory cannot be used', async (t) => {
    const farm = createFarm(t, ['one'], { data_dir: '/dev/null' })
    const { code, stdout, stderr } = await farm.run('serve')
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^data_dir cannot be used: \/dev\/null: .*\n$/)
  })
})
