import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import type { CommandResult } from '../support/run-command.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { pinyon } from './pinyon.ts'

const TOKEN = 'ci-0123456789abcdef'

/** A command's way from a directory that has no configuration. */
type Run = (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<CommandResult>

async function startElsewhere(
  t: TestContext,
  tokens = true,
): Promise<{ server: StartedServer; run: Run; root: string }> {
  const [dir, root, cwd] = [tempDir(t), tempDir(t), tempDir(t)]
  writeSyntheticRepository(root, { packages: [{ name: 'p', version: '1' }] })
  const upstream = await startUpstream(t, root)
  writeFileSync(join(dir, 'token'), TOKEN)
  const guard = tokens ? 'tokens: { ci: { file: token } }\n' : ''
  const text = `listen: 127.0.0.1:0\ndata_dir: ./data\nsync_interval: off\n${guard}mirrors:\n  m: { baseurl: ${upstream.url} }\n`
  const server = await startServer(t, { text, dir })
  const run: Run = (args, env = { PINYON_TOKEN: TOKEN }) =>
    pinyon([...args, '--server', server.url], { cwd, env })
  return { server, run, root }
}

describe('--server', () => {
  test('needs no configuration file: everything is asked of the server, and done there', async (t) => {
    const { server, run, root } = await startElsewhere(t)
    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(args)
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
      return stdout
    }
    const first = /^m: published (\S+), /.exec(await ok('sync'))?.[1] ?? ''
    writeSyntheticRepository(root, { packages: [{ name: 'p', version: '2' }] })
    const second = /^m: published (\S+), /.exec(await ok('sync', 'm'))?.[1] ?? ''
    assert.match(await ok('snapshots', 'm'), new RegExp(`${second} .* current\n${first} `))
    assert.equal(await ok('pin', 'm', first), `m: pinned to ${first}\n`)
    assert.match(readFileSync(server.configFile, 'utf8'), new RegExp(`pin: ${first}`))
    assert.equal(await ok('unpin', 'm'), 'm: no longer pinned\n')
    assert.equal((await run(['unpin', 'm'])).code, 3)
    assert.equal(await ok('rollback', 'm', '--why', 'x'), `m: pinned to ${first}\n`)
    assert.equal((await run(['rollback', 'm'])).code, 3)
    const tell = ['bisect', 'm', first, second, '--check-ends', '--run', 'echo $PINYON_BASEURL; false']
    assert.equal(
      (await run(tell)).stderr.split('\n')[1],
      `${server.url}/repos/yum/m/${first}`,
      "jobs' URLs are that server's",
    )
    assert.equal(await ok('rollback', '--generation', '2', '--dry-run'), `m: pin: ${second}\n`)
    assert.match(await ok('rollback', '--generation', '2'), /the farm is back at generation 2\n$/)
    assert.match(await ok('status'), new RegExp(`^m +${second} \\(pinned\\)`, 'm'))
    const history = JSON.parse(await ok('generations', '--json')) as { generations: { by: string }[] }
    assert.deepEqual(new Set(history.generations.map(({ by }) => by)), new Set(['token ci']))
    assert.match(await ok('remove', 'm'), /^m: removed; URLs /)
    assert.deepEqual([(await run(['sync'])).code, (await run(['sync', 'm'])).code], [3, 1])
  })

  test('says what is missing: a token, the right one, any at all', async (t) => {
    const { server, run } = await startElsewhere(t)
    const hint = '(PINYON_TOKEN has to hold one of the tokens in its configuration)'
    const before = readFileSync(server.configFile, 'utf8')
    for (const [env, message] of [
      [{}, `writing needs a token: Authorization: Bearer TOKEN ${hint}\n`],
      [{ PINYON_TOKEN: `${TOKEN}x` }, `the token is none of those in the configuration ${hint}\n`],
    ] as const)
      for (const args of [
        ['unpin', 'm'],
        ['rollback', 'm'],
        ['remove', 'm'],
      ]) {
        const { code, stdout, stderr } = await run(args, env)
        assert.deepEqual([code, stdout, stderr], [1, '', message])
      }
    assert.equal((await run(['status'], {})).code, 0, 'reading needs none')
    assert.match((await run(['sync', 'm'], {})).stdout, /^m: failed: writing needs a token/)
    assert.equal(readFileSync(server.configFile, 'utf8'), before)
    const closed = await startElsewhere(t, false)
    const refused = await closed.run(['unpin', 'm'])
    assert.match(refused.stderr, /^nothing can be written over the network: the configuration has no tokens/)
  })

  test('has to be a URL that answers', async () => {
    for (const [url, message] of [
      ['mirrors.example.org', /expected --server to be a URL/],
      ['ftp://127.0.0.1/', /expected --server to be a URL/],
      ['http://user:hunter2@127.0.0.1:1/', /expected --server to be a URL/],
      ['http://127.0.0.1:1', /^asking http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/],
    ] as const) {
      const { code, stderr } = await pinyon(['status', '--server', url], { env: { PINYON_TOKEN: TOKEN } })
      assert.equal(code, 1)
      assert.match(stderr, message)
      assert.ok(!stderr.includes('hunter2') && !stderr.includes(TOKEN))
    }
    const odd = await pinyon(['status', '--server', 'http://127.0.0.1:1'], { env: { PINYON_TOKEN: 'a\nb' } })
    assert.match(odd.stderr, /^PINYON_TOKEN holds characters that no token has\n$/)
  })

  test('may have a path, as behind a proxy', async (t) => {
    const asked: IncomingMessage[] = []
    const answers: Readonly<Record<string, string>> = {
      '/pinyon/api/v1/mirrors': '{"mirrors":[]}',
      '/pinyon/api/v1/configuration': '{"ok":true,"error":null}',
      '/pinyon/api/v1/cache': '{"bytes":0,"max_bytes":1,"full":false}',
      '/pinyon/api/v1/workers': '{"serving":1,"wanted":1,"restarts":0}',
      '/pinyon/api/v1/attention': '{"attention":[]}',
    }
    const proxy = createServer((request, response) => {
      asked.push(request)
      response.end(answers[request.url ?? ''] ?? 'ok')
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    t.after(() => proxy.close())
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/pinyon/`
    const unset = { PINYON_SERVER: '', PINYON_TOKEN: '', PINYON_CONFIG: '' }
    const { stderr } = await pinyon(['status', '-c', '/nonexistent.yaml'], { env: unset })
    assert.match(stderr, /^\/nonexistent\.yaml: found no such file/, 'what is empty is not set')
    const { code } = await pinyon(['status'], { env: { PINYON_SERVER: url, PINYON_TOKEN: TOKEN } })
    assert.equal(code, 0)
    assert.deepEqual(
      asked.map((request) => request.url),
      ['/pinyon/healthz', ...Object.keys(answers)],
    )
  })
})
