import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { openToOthers } from '../support/daemon.ts'
import { gate } from '../support/gate.ts'
import { httpGet } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import { startApp } from '../support/start-app.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'
import { createFarm, MAIN, pinyon } from './pinyon.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const NOBODY = 65_534
/** Preloaded, it makes this Node an older one, as far as anybody asks. */
const OLD_NODE = `--import=data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'});Object.defineProperty(process,'version',{value:'v20.1.0'})`

/** Each error that somebody makes in the first hour says what to do about it. */
describe('a newcomer is told the way out', () => {
  test('when the port is taken', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => other.close())
    const { port } = other.address() as AddressInfo
    const { code, stderr } = await createFarm(t, ['m'], { listen: `127.0.0.1:${port}` }).run('serve')
    assert.equal(code, 1)
    assert.match(stderr, /something else listens there: ss -ltnp shows what; listen: names another port\n$/)
  })

  test('when the address is not of this machine', async (t) => {
    const { code, stderr } = await createFarm(t, ['m'], { listen: '192.0.2.1:8080' }).run('serve')
    assert.equal(code, 1)
    assert.match(
      stderr,
      /this machine has no such address: listen: 127\.0\.0\.1:8080, or \[::\]:8080 for all/,
    )
  })

  test('when data_dir cannot be written', needs('nobody'), async (t) => {
    const farm = createFarm(t, ['m'], { data_dir: '/root-owned/data' })
    openToOthers(farm.dir)
    const result = await runAsNobody(['serve', '--config', farm.configFile])
    assert.equal(result.code, 1)
    const way =
      /data_dir cannot be used: \S+: EACCES.*; it has to be a directory that this user \(uid 65534\) may write/
    assert.match(result.stderr, way)
  })

  test('when data_dir is no directory', async (t) => {
    const { code, stderr } = await createFarm(t, ['m'], { data_dir: '/dev/null' }).run('serve')
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^data_dir cannot be used: \/dev\/null: .*; it has to be a directory that this user /,
    )
  })

  test('when there is no configuration', async (t) => {
    const { code, stderr } = await pinyon(['serve'], { cwd: tempDir(t), env: { PINYON_CONFIG: '' } })
    assert.equal(code, 1)
    assert.match(stderr, /pinyon\.yaml: found no such file, expected a readable configuration file\n/)
    assert.match(stderr, /--config FILE/)
  })

  test('when the YAML is wrong', async (t) => {
    const file = join(tempDir(t), 'pinyon.yaml')
    writeFileSync(file, 'mirrors:\n\tepel:\n')
    const { code, stderr } = await pinyon(['check-config', '--config', file])
    assert.equal(code, 1)
    assert.match(stderr, /pinyon\.yaml:2: found a YAML error \(Tabs are not allowed as indentation\)/)
  })

  test('when a key is misspelt', async (t) => {
    const file = join(tempDir(t), 'pinyon.yaml')
    writeFileSync(file, 'mirrors:\n  epel-el9:\n    base_url: http://mirrors.example.org/epel/9/\n')
    const { code, stderr } = await pinyon(['check-config', '--config', file])
    assert.equal(code, 1)
    assert.match(stderr, /pinyon\.yaml:3: mirrors\.epel-el9\.base_url: .*; did you mean baseurl\?/)
  })

  test('when the URL is wrong', async (t) => {
    const { code, stdout } = await createFarm(t, ['m']).run('sync')
    assert.equal(code, 1)
    assert.match(stdout, /^m: failed: .*\n {2}its baseurl must be the directory that holds repodata\/\n$/)
  })

  test('when upstream cannot be reached', async (t) => {
    const mirrors = { m: { baseurl: 'http://127.0.0.1:1/', retries: 0 } }
    const { code, stdout } = await createFarm(t, [], { mirrors }).run('sync')
    assert.equal(code, 1)
    assert.match(
      stdout,
      /^m: failed: .* could not be reached: ECONNREFUSED\n {2}is the name right, does DNS /,
    )
  })

  test('when upstream is an HTML page', async (t) => {
    const farm = createFarm(t, ['m'])
    mkdirSync(join(farm.dir, 'upstream/m/repodata'), { recursive: true })
    writeFileSync(join(farm.dir, 'upstream/m/repodata/repomd.xml'), '<!doctype html><title>Log in</title>')
    const { code, stdout } = await farm.run('sync')
    assert.equal(code, 1)
    assert.match(stdout, /^m: failed: .*an HTML page of \d+ bytes\n {2}its baseurl must be the directory /)
  })

  test('when the clock is wrong', async (t) => {
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: [], revision: Math.round(Date.now() / 1000) + 86_400 })
    const mirrors = { m: { baseurl: `file://${root}/` } }
    const { stdout } = await createFarm(t, [], { mirrors }).run('doctor')
    assert.match(stdout, /which is in the future.*\n?.*look at this machine's clock/s)
    // Certificates are the first to suffer: what TLS says of them is in test/upstream/tls.test.ts.
  })

  test('when there is no such snapshot', async (t) => {
    const farm = createFarm(t, ['m'])
    farm.publish('m', [{ name: 'a' }])
    await farm.run('sync')
    const { code, stderr } = await farm.run('pin', 'm', '2016-12-13-13-30')
    assert.equal(code, 1)
    assert.match(stderr, /m has no snapshot 2016-12-13-13-30: the nearest are 2\d{3}-/)
  })

  test('when there is no such command', async () => {
    const { code, stderr } = await pinyon(['sttaus'])
    assert.equal(code, 2)
    assert.match(stderr, /Did you mean status\?/)
  })

  test('when no server runs there', async () => {
    const { code, stderr } = await pinyon(['status', '--server', 'http://127.0.0.1:1'])
    assert.equal(code, 1)
    assert.match(stderr, /http:\/\/127\.0\.0\.1:1.*ECONNREFUSED/)
    assert.match(stderr, /does a server run there\?/)
  })

  test("when a mirror's name is misspelt in a URL", async (t) => {
    const farm = createFarm(t, ['epel-el9'])
    farm.publish('epel-el9', [{ name: 'a' }])
    const { dir } = farm
    const server = await startServer(t, {
      mirrors: { 'epel-el9': { baseurl: `file://${dir}/upstream/epel-el9/` } },
    })
    const { status, headers } = await httpGet(`${server.url}/repos/yum/epel9/latest/repodata/repomd.xml`)
    assert.equal(status, 404)
    assert.equal(headers['x-pinyon-reason'], 'no such mirror, perhaps epel-el9 is meant: epel9')
  })

  test('when dnf comes before the first sync has ended', async (t) => {
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: [{ name: 'a' }] })
    const upstream = await startUpstream(t, root)
    const rest = gate()
    upstream.rules = [{ match: /primary/, hold: rest }]
    const { app, url } = await startApp(t, { mirrors: { m: upstream.url } })
    const syncing = app.sync('m')
    await upstream.waitFor(/primary/)
    t.after(() => rest.open())
    const early = await httpGet(`${url}/repos/yum/m/latest/repodata/repomd.xml`)
    assert.equal(early.status, 503)
    assert.match(
      String(early.headers['x-pinyon-reason']),
      /^m has no snapshot yet, ask again or see pinyon status/,
    )
    assert.match(String(early.headers['retry-after']), /^\d+$/)
    rest.open()
    await syncing
    assert.equal((await httpGet(`${url}/repos/yum/m/latest/repodata/repomd.xml`)).status, 200)
  })

  test('when Node is too old', async () => {
    const { code, stderr } = await runCommand(process.execPath, [OLD_NODE, MAIN, 'status'])
    assert.equal(code, 1)
    assert.match(stderr, /^pinyon needs Node\.js 24 or later, this is v20\.1\.0: .*https:\/\/nodejs\.org/)
  })

  test('when Node is too old for npm start, and none can be had', async (t) => {
    const dir = tempDir(t)
    mkdirSync(join(dir, 'src'))
    cpSync(join(ROOT, 'src/setup.mjs'), join(dir, 'src/setup.mjs'))
    writeFileSync(join(dir, 'package-lock.json'), JSON.stringify({ packages: {} }))
    const { code, stderr } = await runCommand(process.execPath, [OLD_NODE, join(dir, 'src/setup.mjs')])
    assert.equal(code, 1)
    assert.match(
      stderr,
      /needs Node\.js 24 or later, this is v20\.1\.0, .*: install one from https:\/\/nodejs\.org/,
    )
  })

  test('when node_modules is not there', async (t) => {
    const dir = tempDir(t)
    cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'))
    cpSync(join(ROOT, 'src'), join(dir, 'src'), { recursive: true })
    const { code, stderr } = await runCommand(process.execPath, [join(dir, 'src/main.ts'), 'status'])
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^pinyon needs packages that are not installed: npm start, or npm ci, installs them: /,
    )
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
    assert.equal((await runCommand(process.execPath, [join(dir, 'src/main.ts'), '--version'])).code, 0)
  })
})

async function runAsNobody(args: readonly string[]) {
  const script = `process.setgid(${NOBODY}); process.setuid(${NOBODY}); await import(process.argv[1])`
  return await runCommand(process.execPath, ['--input-type=module', '--eval', script, MAIN, ...args], {
    env: { PINYON_LOG: 'silent', NODE_COMPILE_CACHE: undefined },
  })
}
