import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { freePort, openToOthers } from '../support/daemon.ts'
import { httpGet } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { readDockerfile } from './dockerfile.ts'
import { buildImage, makeReadOnly } from './image.ts'

const DOCKERFILE = new URL('../../Dockerfile', import.meta.url).pathname
const NOBODY = 65_534

/** An engine's default. */
const STOPPED_WITHIN_MS = 10_000

test(
  "the image's steps make what serves as an ordinary user on a read-only root",
  needs('nobody'),
  async (t) => {
    const stages = readDockerfile(DOCKERFILE)
    const roots = stages.map(() => tempDir(t))
    const { root, workdir, env, command, healthcheck, ...image } = await buildImage(stages, roots)
    assert.deepEqual([image.user, image.stopSignal], ['node', 'SIGTERM'])
    assert.ok(readdirSync(env['NODE_COMPILE_CACHE'] ?? '').length > 0, 'the compile cache is empty')
    assert.deepEqual(readdirSync(workdir).toSorted(), [
      '.compile-cache',
      'LICENSE',
      'dist',
      'node_modules',
      'package.json',
    ])

    // What its user mounts.
    const port = await freePort()
    const config = env['PINYON_CONFIG'] ?? ''
    mkdirSync(dirname(config), { recursive: true })
    writeSyntheticRepository(join(dirname(config), 'upstream'), { packages: [{ name: 'a' }] })
    const mirrors = { m: { baseurl: 'file:upstream/' } }
    writeFileSync(config, JSON.stringify({ listen: `127.0.0.1:${port}`, data_dir: image.volume, mirrors }))
    makeReadOnly(root, image.volume)
    openToOthers(root)

    const options = {
      cwd: workdir,
      env: { PATH: process.env['PATH'], PINYON_LOG: 'silent', ...env },
      uid: NOBODY,
      gid: NOBODY,
    }
    const [program = '', ...args] = command
    const server = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(server, 'exit')
    t.after(() => server.kill('SIGKILL'))
    await once(server.stdout, 'data')
    const url = `http://127.0.0.1:${port}`
    while ((await httpGet(`${url}/readyz`)).status !== 200);
    assert.equal((await httpGet(`${url}/repos/yum/m/latest/repodata/repomd.xml`)).status, 200)

    // The image's own port is the configuration's to choose; here it is another one.
    const [checker = '', ...asked] = healthcheck.map((word) => word.replace(':8080', `:${port}`))
    assert.ok(asked.join(' ').includes(`:${port}/healthz`))
    const isHealthy = async () => (await runCommand(checker, asked)).code
    assert.equal(await isHealthy(), 0)
    const timer = setTimeout(() => server.kill('SIGKILL'), STOPPED_WITHIN_MS)
    server.kill(image.stopSignal as NodeJS.Signals)
    assert.deepEqual(await exited, [0, null])
    clearTimeout(timer)
    assert.equal(await isHealthy(), 1)
  },
)
