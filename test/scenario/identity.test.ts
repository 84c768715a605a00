import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { pinyon } from '../cli/pinyon.ts'
import { DnfRoot } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { startNginx } from '../support/nginx.ts'
import { Authority } from '../support/pki.ts'
import { startSquid } from '../support/proxies.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

// Upstreams that want to know who asks, with real parts: openssl is the authority, nginx and squid stand upstream, dnf is the client.

test(
  'dnf installs through a mirror whose upstream wants a client certificate, behind squid that wants a password',
  needs('dnf', 'rpmbuild', 'createrepo_c', 'nginx', 'openssl', 'squid'),
  async (t) => {
    const dir = tempDir(t)
    const authority = await Authority.create(t)
    const tree = new RepositoryTree(join(dir, 'upstream')).add(
      ...(await buildRpms([{ name: 'app', requires: ['lib'] }, { name: 'lib' }], join(dir, 'rpms'))),
    )
    await tree.publish()
    const tls = { ...(await authority.issue('localhost')), clientCa: authority.ca }
    const nginx = await startNginx(t, tree.dir, { accessLog: true, tls })
    const user = { username: 'farm', password: 'a: secret' }
    const squid = await startSquid(t, user)
    const { cert, key } = await authority.issue('entitled')
    const config = tempDir(t)
    for (const [from, to] of [
      [authority.ca, 'ca.pem'],
      [cert, 'client.pem'],
      [key, 'client.key'],
    ] as const)
      copyFileSync(from, join(config, to))
    writeFileSync(join(config, 'proxy-password'), user.password)
    const mirror = {
      baseurl: nginx.url,
      retries: 0,
      sslcacert: 'ca.pem',
      sslclientcert: 'client.pem',
      sslclientkey: 'client.key',
      proxy: `http://127.0.0.1:${squid.port}`,
      proxy_username: user.username,
      proxy_password: { file: 'proxy-password' },
    }
    const server = await startServer(t, { dir: config, mirrors: { el9: mirror } })
    const run = (...args: string[]) => pinyon([...args, '--config', server.configFile])
    const synced = await run('sync')
    assert.equal(synced.code, 0, synced.stderr)
    const root = new DnfRoot(tempDir(t), [{ id: 'el9', baseurl: `${server.url}/repos/yum/el9/latest` }])
    const installed = await root.install('app')
    assert.equal(installed.code, 0, installed.stderr)
    assert.deepEqual(await root.installed(), ['app-1.0-1.noarch', 'lib-1.0-1.noarch'])

    // A renewal that goes wrong, and then right, without a restart.
    writeFileSync(join(config, 'client.key'), readFileSync(tls.key))
    const wrong = await untilStatus(run, (text) => /sslclientkey: .*of another certificate than/.test(text))
    assert.match(
      wrong,
      /el9: the one read before is used: mirrors\.el9\.sslclientkey: .*client\.key: expected/,
    )
    assert.equal((await run('sync')).code, 0)
    const pinned = await run('rollback', '--generation', '1')
    assert.equal(pinned.code, 0, pinned.stderr)
    const renewed = await authority.issue('renewed')
    copyFileSync(renewed.cert, join(config, 'client.pem'))
    copyFileSync(renewed.key, join(config, 'client.key'))
    await untilStatus(run, (text) => !text.includes('sslclientkey'))
    assert.equal((await run('sync')).code, 0)
    await server.kill('SIGTERM')
    await nginx.stop()
    const lines = nginx.accessLog().trim().split('\n')
    assert.equal(lines.filter((line) => /\.rpm 200 /.test(line)).length, 2)
    for (const line of lines) assert.match(line, /HTTP\/2\.0 CN=(?:entitled|renewed) pinyon\/\d+\.\d+\.\d+$/)
    assert.match(lines.at(-1) ?? '', /CN=renewed/)
  },
)

/** Asks for the status until it says what is waited for: files are looked at once a second. */
async function untilStatus(
  run: (...args: string[]) => Promise<{ stdout: string }>,
  isThere: (text: string) => boolean,
): Promise<string> {
  for (;;) {
    const { stdout } = await run('status')
    if (isThere(stdout)) return stdout
  }
}

/** What is planted everywhere, as it is and as it goes over the wire in `Basic`. */
const PLANTED = /planted|cGxhbnRlZ|BsYW50ZW|wbGFudGVk/i

test('no secret is in a log, an error, the API, figures, the status, the data or the list of processes', async (t) => {
  const said: string[] = []
  const servers = await startSuspects(t)
  const server = await startServer(t, {
    text: formatSuspects(servers),
    env: { PINYON_LOG: 'trace', PLANTED: 'planted-env' },
    dir: servers.dir,
    onError: (text) => said.push(text),
  })
  const run = async (...args: string[]) => {
    const { stdout, stderr } = await pinyon([...args, '--config', server.configFile], {
      env: { PLANTED: 'planted-env' },
    })
    return stdout + stderr
  }
  const shown = [
    await run('sync'),
    await run('check-config'),
    await run('status'),
    await run('status', '--json'),
  ]
  for (const path of [
    'api/v1/mirrors',
    'api/v1/configuration',
    'metrics',
    'readyz',
    'repos/yum/good/latest/',
  ])
    shown.push((await httpGet(`${server.url}/${path}`)).body.toString())
  for (const name of servers.mirrors)
    shown.push((await httpGet(`${server.url}/api/v1/mirrors/${name}`)).body.toString())
  shown.push(commandLines(server), said.join(''))
  // What is refused is told as well.
  writeFileSync(server.configFile, formatSuspects(servers).replace('username: ci', 'usernam: ci'))
  shown.push(await run('check-config'))
  assert.match(shown.at(-1) ?? '', /usernam: found an unknown key/)
  await server.kill('SIGTERM')
  shown.push(said.join(''))
  const [synced = ''] = shown
  // Each of them failed for the reason that it was made for, or there would be nothing to tell.
  for (const expected of [
    /unauthorized: .*wants other credentials than those it is given/,
    /moved: .*answered: 404/,
    /inwards: .*redirects to no http or https URL/,
    /behind: .*the proxy wants other credentials/,
    /tunnel: .*the proxy wants other credentials/,
    /socks: .*ECONNREFUSED/,
    /^good: published/m,
  ])
    assert.match(synced, expected)
  for (const text of shown) assert.doesNotMatch(text, PLANTED)
  assert.ok(said.join('').length > 500, 'the log has something to say')
  for (const file of filesBelow(server.dataDir))
    assert.doesNotMatch(readFileSync(file, 'latin1'), PLANTED, file)
  // They were sent where they belong, and nowhere else.
  assert.deepEqual(servers.seen(), {
    own: ['Basic Y2k6cGxhbnRlZC11cmw=', 'Basic Y2k6cGxhbnRlZC1maWxl', 'Bearer planted-token'],
    elsewhere: [undefined],
  })
})

interface Suspects {
  readonly dir: string
  readonly own: string
  readonly proxy: string
  readonly good: string
  readonly mirrors: readonly string[]
  /** Authorizations that were shown, each once. */
  readonly seen: () => { own: (string | undefined)[]; elsewhere: (string | undefined)[] }
}

/** Upstreams and a proxy that fail in every way in which a secret could be told. */
async function startSuspects(t: TestContext): Promise<Suspects> {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'password'), 'planted-file\n')
  writeFileSync(join(dir, 'token'), 'planted-token\n')
  const good = tempDir(t)
  writeSyntheticRepository(good, { packages: [{ name: 'a', content: 100 }] })
  const own = new Set<string | undefined>()
  const elsewhere = new Set<string | undefined>()
  const other = await listen(t, (_url, authorization) => {
    elsewhere.add(authorization)
    return { status: 404, body: 'planted-body' }
  })
  const server = await listen(t, (url, authorization = '') => {
    own.add(authorization)
    if (url.startsWith('/unauthorized/')) return { status: 401, body: `planted-body ${authorization}` }
    if (url.startsWith('/moved/'))
      return { status: 302, location: `${other.replace('//', '//ci:planted-location@')}?token=planted-query` }
    return { status: 302, location: 'ftp://ci:planted-location@h.example.org/planted-path' }
  })
  const proxy = await listen(t, () => ({ status: 407, body: 'planted-body' }))
  const source = await startUpstream(t, good)
  return {
    dir,
    own: server,
    proxy,
    good: source.url,
    mirrors: ['unauthorized', 'moved', 'inwards', 'behind', 'tunnel', 'socks', 'good'],
    seen: () => ({
      own: [...own].toSorted((a = '', b = '') => a.localeCompare(b, 'en')),
      elsewhere: [...elsewhere],
    }),
  }
}

function withLogin(url: string): string {
  return url.replace('//', '//ci:planted-url@')
}

function formatSuspects({ own, proxy, good }: Suspects): string {
  return `
listen: 127.0.0.1:0
data_dir: ./data
sync_interval: off
mirrors:
  unauthorized: { baseurl: ${own}unauthorized/, retries: 0, username: ci, password: { file: password } }
  moved: { baseurl: ${own}moved/, retries: 0, bearer_token: { file: token } }
  inwards: { baseurl: '${withLogin(own)}inwards/', retries: 0 }
  behind: { baseurl: http://localhost:1/, retries: 0, proxy: '${proxy}', proxy_username: ci, proxy_password: '\${PLANTED}' }
  tunnel: { baseurl: https://h.example.org/, retries: 0, proxy: '${withLogin(proxy)}' }
  socks: { baseurl: http://h.example.org/, retries: 0, proxy: 'socks5h://ci:planted-url@127.0.0.1:1' }
  good: { baseurl: '${withLogin(good)}', fallback: ['${withLogin(good)}{filename}'] }
`
}

interface Answer {
  readonly status: number
  readonly location?: string
  readonly body?: string
}

/** A server that answers by URL and Authorization, CONNECT included; gives its URL. */
async function listen(
  t: TestContext,
  answer: (url: string, authorization: string | undefined) => Answer,
): Promise<string> {
  const server = createServer((request, response) => {
    const { status, location, body } = answer(request.url ?? '', request.headers.authorization)
    response.writeHead(status, {
      'WWW-Authenticate': 'Basic realm="planted-realm"',
      ...(location === undefined ? {} : { Location: location }),
    })
    response.end(body)
  })
  server.on('connect', (_request, socket) =>
    socket.end('HTTP/1.1 407 planted-reason\r\nProxy-Authenticate: Basic realm="planted-realm"\r\n\r\n'),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Of a server and the processes that it has started. */
function commandLines({ process: { pid } }: StartedServer): string {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const isOf = (name: string) =>
    name === String(pid) || read(`/proc/${name}/status`).includes(`\nPPid:\t${pid}\n`)
  return all
    .filter(isOf)
    .map((name) => read(`/proc/${name}/cmdline`))
    .join('\n')
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    // It has ended.
    return ''
  }
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
}
