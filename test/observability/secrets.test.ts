import assert from 'node:assert/strict'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { constantFrom, record, sample, stringMatching } from 'fast-check'

import { App } from '../../src/app/app.ts'
import { formatConfig } from '../../src/config/format.ts'
import { loadConfig } from '../../src/config/load.ts'
import { httpGet } from '../support/http-get.ts'
import { LogRecorder } from '../http/log-recorder.ts'
import { ingestHere } from '../support/ingest-here.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'

/** What goes wrong with a request that a mirror makes. */
const TROUBLES: readonly Behaviour[] = [
  { status: 401 },
  { status: 403 },
  { status: 500 },
  { html: true },
  { hangUp: true },
  { cutAt: 10 },
  { flipByteAt: 3 },
  { redirectTo: 'http://127.0.0.1:1/elsewhere' },
]

const SECRET = stringMatching(/^s3cr[A-Za-z0-9+/=~!*-]{12}$/)
const MIRRORS = record({
  secret: SECRET,
  kind: constantFrom(
    'baseurl',
    'password',
    'bearer_token',
    'proxy',
    'proxy_password',
    'metalink',
    'metalink query',
    'mirrorlist query',
    'gpgkey query',
  ),
  trouble: constantFrom(...TROUBLES),
  /** Whether the trouble begins only after a first sync. */
  isLate: constantFrom(true, false),
})

/** A mirror's keys, as a configuration file has them. */
function keysOf(kind: string, secret: string, url: string): string {
  const user = url.replace('://', `://user:${encodeURIComponent(secret)}@`)
  const quoted = `'${secret}'`
  if (kind === 'baseurl') return `baseurl: '${user}'`
  if (kind === 'password') return `baseurl: '${url}'\n    username: user\n    password: ${quoted}`
  if (kind === 'bearer_token') return `baseurl: '${url}'\n    bearer_token: ${quoted}`
  if (kind === 'metalink') return `baseurl: '${url}'\n    metalink: '${user}metalink.xml'`
  const [list, query] = kind.split(' ')
  const asked = `${url}${list}?repo=a&sig=${encodeURIComponent(secret)}`
  if (kind === 'gpgkey query')
    return `baseurl: '${url}'\n    gpgkey: '${asked}'\n    gpgcheck: true\n    repo_gpgcheck: true`
  if (query !== undefined) return `${list}: '${asked}'`
  // Nobody listens there.
  const proxy =
    kind === 'proxy' ? `http://user:${encodeURIComponent(secret)}@127.0.0.1:1/` : 'http://127.0.0.1:1/'
  const beside = kind === 'proxy' ? '' : `\n    proxy_username: user\n    proxy_password: ${quoted}`
  return `baseurl: '${url}'\n    proxy: '${proxy}'${beside}`
}

/** Every form in which it may be written. */
function formsOf(secret: string): string[] {
  const base64 = Buffer.from(`user:${secret}`).toString('base64')
  // A base64 text that something stands before or behind differs at its ends.
  return [secret, encodeURIComponent(secret), secret.slice(0, 10), base64.slice(4, -4)]
}

test('no secret of the configuration gets into the log, an answer or a figure, whatever fails', async (t) => {
  const root = tempDir(t)
  writeSyntheticRepository(root, { packages: [{ name: 'a', content: 70_000 }] })
  const mirrors = sample(MIRRORS, { numRuns: 30, seed: 20_161_213 })
  const upstreams = await Promise.all(mirrors.map(() => startUpstream(t, root)))
  const dir = tempDir(t)
  const file = join(dir, 'pinyon.yaml')
  const entries = mirrors.map(
    ({ kind, secret }, at) =>
      `  m${at}:\n    retries: 0\n    timeout: 2s\n    ${keysOf(kind, secret, upstreams[at]?.url ?? '')}`,
  )
  writeFileSync(
    file,
    `listen: 127.0.0.1:0\nsync_interval: off\npolicy: on_demand\nmirrors:\n${entries.join('\n')}\n`,
  )
  const intact = join(dir, 'intact.yaml')
  copyFileSync(file, intact)
  const log = new LogRecorder()
  const app = await App.open({
    config: loadConfig(file, {}),
    log: log.logger,
    loadConfig: () => loadConfig(file, {}),
    createIngests: ingestHere(),
  })
  const url = `http://127.0.0.1:${await app.listen()}`
  const told: string[] = []
  let formatted = ''
  const ask = async (path: string) => {
    const { body, headers } = await httpGet(url + path)
    told.push(body.toString(), JSON.stringify(headers))
    return body.toString()
  }
  try {
    const syncs = mirrors.map(async ({ isLate, trouble }, at) => {
      const upstream = upstreams[at]
      assert.ok(upstream)
      const rule = { match: () => true, times: Infinity, ...trouble }
      if (!isLate) upstream.rules = [rule]
      await app.sync(`m${at}`)
      upstream.rules = [rule]
      const current = (await ask(`/repos/yum/m${at}/latest.txt`)).trim().replaceAll(/[^\d-]/g, '')
      await ask(`/repos/yum/m${at}/${current}/Packages/a/a-1.0-1.noarch.rpm`)
      await app.sync(`m${at}`)
      await ask(`/mirrors/m${at}`)
    })
    await Promise.all(syncs)
    writeFileSync(file, `${entries.join('\n')}\nunknown: 1\n`)
    await app.reload().catch(() => undefined)
    for (const path of [
      '/metrics',
      '/api/v1/mirrors',
      '/api/v1/attention',
      '/api/v1/checks',
      '/',
      '/activity',
    ])
      await ask(path)
    for (const at of mirrors.keys()) {
      await ask(`/api/v1/mirrors/m${at}`)
      const { headers } = await httpGet(`${url}/repos/yum/m${at}/latest/repodata/repomd.xml`)
      told.push(JSON.stringify(headers))
      await ask(`/api/v1/why?path=/repos/yum/m${at}/latest/repodata/repomd.xml`)
    }
    formatted = formatConfig(loadConfig(intact, {}))
  } finally {
    await app.close()
  }
  const shown = upstreams.flatMap(({ requests }) =>
    requests.flatMap(({ headers }) => headers.authorization ?? []),
  )
  assert.ok(shown.length > 10, 'they were used')
  const lines = log.lines.map((line) => JSON.stringify(line))
  assert.ok(lines.length > 2 * mirrors.length)
  for (const { secret, kind } of mirrors)
    for (const form of formsOf(secret)) {
      assert.deepEqual(
        lines.filter((line) => line.includes(form)),
        [],
        kind,
      )
      assert.ok(!told.some((text) => text.includes(form)), kind)
      assert.ok(!formatted.includes(form), kind)
    }
})
