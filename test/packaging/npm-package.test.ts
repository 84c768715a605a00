import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { startServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { copyCheckout, sampleUrl } from './checkout.ts'

test('what npm packs is installed into an empty folder, serves, syncs and collects', async (t) => {
  const checkout = copyCheckout(t)
  const packed = tempDir(t)
  // A package of the other kind stays where `npm run rpm` puts it, and where it is.
  const rpm = join(checkout, 'dist/pinyon-0.1.0-1.x86_64.rpm')
  mkdirSync(dirname(rpm))
  writeFileSync(rpm, '')
  const { stdout } = await mustRun('npm', ['pack', '--json', '--silent', '--pack-destination', packed], {
    cwd: checkout,
  })
  const [pack] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as { files: { path: string }[] }[]
  // What runs, what it serves and is configured with, and what npm adds by itself: no sources, tests, benchmarks or pictures.
  const packs =
    /^(?:dist\/.+\.(?:js|sql|css|sh)|dist\/licenses\.txt|config\/(?:examples|observability|sample)\/.+|config\/pinyon\.yaml|package\.json|(?:README|CHANGELOG)\.md|LICENSE)$/
  assert.deepEqual(
    pack?.files.map(({ path }) => path).filter((path) => !packs.test(path)),
    [],
  )
  assert.ok(existsSync(rpm))
  const manifest = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
    version: string
    dependencies: Record<string, string>
  }
  const app = tempDir(t)
  const modules = join(checkout, 'node_modules')
  // The dependencies are those of this checkout: there is no registry to ask.
  const dependencies = Object.fromEntries(
    Object.keys(manifest.dependencies).map((name) => [name, `file:${join(modules, name)}`]),
  )
  const pinyon = `file:${join(packed, `pinyon-${manifest.version}.tgz`)}`
  writeFileSync(
    join(app, 'package.json'),
    JSON.stringify({ name: 'app', dependencies: { ...dependencies, pinyon } }),
  )
  await mustRun('npm', ['install', '--offline', '--ignore-scripts', '--omit=optional', '--silent'], {
    cwd: app,
  })
  const command = join(app, 'node_modules/.bin/pinyon')
  const home = join(app, 'node_modules/pinyon')
  // What Node makes of it is kept beside it, but for whoever says otherwise; and nobody hears of it where it cannot be.
  const compiled = join(home, '.compiled')
  const elsewhere = join(app, 'compiled')
  for (const [env, made] of [
    [{ NODE_COMPILE_CACHE: elsewhere }, [false, true]],
    [{ NODE_COMPILE_CACHE: undefined }, [true, true]],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(command, ['--version'], { env })
    assert.deepEqual([code, stdout.trim(), stderr], [0, manifest.version, ''])
    assert.deepEqual([existsSync(compiled), existsSync(elsewhere)], made)
  }
  rmSync(compiled, { recursive: true })
  writeFileSync(compiled, '')
  const version = await runCommand(command, ['--version'], { env: { NODE_COMPILE_CACHE: undefined } })
  assert.deepEqual([version.code, version.stdout.trim(), version.stderr], [0, manifest.version, ''])
  rmSync(compiled)

  const main = join(home, 'dist/main.js')
  const mirrors = { sample: { baseurl: sampleUrl(join(home, 'config')), sync_interval: 'off' } }
  const server = await startServer(t, {
    main,
    text: JSON.stringify({ listen: '127.0.0.1:0', workers: 2, mirrors }),
  })
  const run = async (...args: readonly string[]) => {
    const result = await runCommand(command, [...args, '--config', server.configFile])
    assert.equal(result.code, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`)
    return result.stdout
  }
  // A thread, processes, and files that are no modules are found.
  assert.match(await run('sync'), /sample/)
  assert.match(await run('status'), /2 processes/)
  await run('gc')
  await run('verify')
  const index = await httpGet(`${server.url}/repos/yum/all_latest.json`)
  const { latest_ci_repos: repos } = JSON.parse(index.body.toString()) as {
    latest_ci_repos: { sample: string }
  }
  const hello = 'Packages/pinyon-hello-1.1-1.noarch.rpm'
  const served = await httpGet(`${repos.sample}/${hello}`)
  assert.equal(served.status, 200)
  assert.deepEqual(served.body, readFileSync(join(home, 'config/sample', hello)))
  assert.equal((await httpGet(`${server.url}/client.sh`)).status, 200)
  const page = (await httpGet(`${server.url}/`)).body.toString()
  const assets = Array.from(page.matchAll(/"(\/assets\/[^"]+)"/g), ([, path]) => path ?? '')
  assert.ok(assets.length > 0, page)
  for (const path of assets) assert.equal((await httpGet(`${server.url}${path}`)).status, 200, path)
  const injected = await httpGet(`${server.url}/repos/inject`, {
    method: 'POST',
    body: '[sample]\nname=sample\nbaseurl=http://example.com/\n',
  })
  assert.match(injected.body.toString(), /^baseurl=http.*\/repos\/yum\/sample\/2/m)
})
