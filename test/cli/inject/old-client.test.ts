import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { httpGet } from '../../support/http-get.ts'
import { startApp, type StartedApp } from '../../support/start-app.ts'
import { writeSyntheticRepository } from '../../support/synthetic-repository.ts'
import { startUpstream } from '../../support/upstream.ts'
import { repoSection, startJob, type Job } from './job.ts'

// What jobs of oVirt's CI relied on (statements 38 to 44), with pinyon on both sides.

const MIRRORS = ['a-el9', 'b-el7', 'c-fc43'] as const

interface Farm {
  readonly app: StartedApp
  readonly job: Job
  readonly index: string
  /** Another state of every mirror. */
  readonly publish: () => Promise<void>
}

async function startFarm(t: TestContext): Promise<Farm> {
  const job = startJob(t)
  const upstream = join(job.dir, 'upstream')
  let version = 0
  let nowMs = Date.parse('2026-11-22T02:13:00Z')
  const app = await startApp(t, {
    mirrors: Object.fromEntries(MIRRORS.map((name) => [name, `file://${upstream}/`])),
    now: () => nowMs,
  })
  const publish = async () => {
    version += 1
    nowMs += 60_000
    writeSyntheticRepository(upstream, { packages: [{ name: 'x', version: `1.${version}` }] })
    for (const mirror of MIRRORS) await app.sync(mirror)
  }
  await publish()
  return { app, job, index: `${app.url}/repos/yum/all_latest.json`, publish }
}

const currentOf = async ({ app }: Farm) =>
  Object.fromEntries(await Promise.all(MIRRORS.map(async (name) => [name, await app.current(name)] as const)))

describe('jobs of old', () => {
  test('statement 38: matched sections get baseurl, lose mirrorlist and metalink, get proxy; others keep all', async (t) => {
    const farm = await startFarm(t)
    const { job } = farm
    const other = '; by hand\n[other]\nName : Other\n mirrorlist=x\n'
    job.write(
      'yum.conf',
      `[main]\nproxy=http://squid:3128\n\n${repoSection('a-el9')}${other}[b-el7]\nmirrorlist=http://m/\nbaseurl=http://1/\n  http://2/\nproxy=x\n[c-fc43]\n`,
    )
    const { code, stderr } = await job.inject(['--index', farm.index, 'yum.conf'])
    assert.equal(code, 0, stderr)
    const now = await currentOf(farm)
    assert.equal(
      job.read('yum.conf'),
      `[main]\nproxy=http://squid:3128\n\n[a-el9]\nname=a-el9\nbaseurl=${now['a-el9']}\nproxy=_none_\n${other}[b-el7]\nbaseurl=${now['b-el7']}\nproxy=_none_\n[c-fc43]\nbaseurl=${now['c-fc43']}\nproxy=None\n`,
    )
  })

  test('statement 39: a dead proxy in the environment does not matter', async (t) => {
    const farm = await startFarm(t)
    farm.job.write('a.repo', repoSection('a-el9'))
    const dead = {
      http_proxy: 'http://127.0.0.1:9/',
      https_proxy: 'http://127.0.0.1:9/',
      all_proxy: 'http://127.0.0.1:9/',
    }
    const { code, stderr } = await farm.job.inject(['--index', farm.index, 'a.repo'], dead)
    assert.equal(code, 0, stderr)
    assert.ok(farm.job.read('a.repo').includes(await farm.app.current('a-el9')))
  })

  test('statement 40: CI_MIRRORS_URL gives the same map', async (t) => {
    const farm = await startFarm(t)
    const sections = MIRRORS.map((name) => repoSection(name)).join('')
    for (const name of ['1.repo', '2.repo']) farm.job.write(name, sections)
    await farm.job.inject(['--index', farm.index, '1.repo'])
    await farm.job.inject(['2.repo'], { CI_MIRRORS_URL: farm.index })
    assert.equal(farm.job.read('2.repo'), farm.job.read('1.repo'))
    for (const url of Object.values(await currentOf(farm)))
      assert.ok(farm.job.read('1.repo').includes(`baseurl=${url}\n`))
  })

  test('statement 41: an index within include: and include:before: of a flat file, as gates write it', async (t) => {
    const farm = await startFarm(t)
    farm.job.write(
      'mirrors.yaml',
      JSON.stringify({
        'include:': [farm.index],
        'include:before:': [['base', farm.index]],
        'b-el7': 'http://own/',
      }),
    )
    farm.job.write(
      'job.repo',
      `[base-el9]\nbaseurl=http://u/\n${repoSection('b-el7')}[base-fc43]\nbaseurl=http://u/\n`,
    )
    const { code, stderr } = await farm.job.inject(['--index', 'mirrors.yaml', 'job.repo'])
    assert.equal(code, 0, stderr)
    const ids = Array.from(farm.job.read('job.repo').matchAll(/^\[(.*)\]$/gm), ([, id]) => id)
    assert.deepEqual(ids, ['a-el9', 'base-el9', 'b-el7', 'c-fc43', 'base-fc43'])
    assert.match(farm.job.read('job.repo'), /^\[b-el7\]\nname=b-el7\nbaseurl=http:\/\/own\/$/m)
  })

  test('statement 42: a view as CI_MIRRORS_URL gives one job one map, though a publish happens between', async (t) => {
    const farm = await startFarm(t)
    const view = { CI_MIRRORS_URL: `${farm.app.url}/repos/views/jenkins-build-1/all_latest.json` }
    for (const name of ['1.repo', '2.repo', '3.repo']) farm.job.write(name, repoSection('a-el9'))
    await farm.job.inject(['1.repo'], view)
    const frozen = await farm.app.current('a-el9')
    await farm.publish()
    await farm.job.inject(['2.repo'], view)
    await farm.job.inject(['--index', farm.index, '3.repo'])
    assert.equal(farm.job.read('2.repo'), farm.job.read('1.repo'))
    assert.ok(farm.job.read('2.repo').includes(`baseurl=${frozen}\n`))
    assert.notEqual(farm.job.read('3.repo'), farm.job.read('1.repo'))
    assert.equal((await httpGet(`${frozen}/repodata/repomd.xml`)).status, 200)
  })

  test('statement 43: pinned URLs of slaves are baseurls under the old host names, and stay when told so', async (t) => {
    const farm = await startFarm(t)
    const path = new URL(await farm.app.current('b-el7')).pathname
    await farm.publish()
    const hosts = ['mirrors.phx.ovirt.org', 'mirrors-wdc.ovirt.org']
    for (const host of hosts) {
      const reply = await httpGet(`${farm.app.url}${path}/repodata/repomd.xml`, { headers: { Host: host } })
      assert.equal(reply.status, 200, host)
      const index = await httpGet(farm.index, { headers: { Host: host } })
      assert.ok(index.body.toString().includes(`"b-el7": "http://${host}/repos/yum/b-el7/`))
    }
    const conf = `[main]\nreposdir = /dev/null\n\n[b-el7]\nname = b\nbaseurl = http://${hosts[0]}${path}\nskip_if_unavailable = true\nproxy = _none_\n`
    farm.job.write('slave.conf', conf)
    await farm.job.inject(['--index', farm.index, '--keep-pinned', 'slave.conf'])
    assert.equal(farm.job.read('slave.conf'), conf)
    await farm.job.inject(['--index', farm.index, 'slave.conf'])
    assert.equal(
      farm.job.read('slave.conf'),
      conf.replace(/baseurl = .*/, `baseurl = ${await farm.app.current('b-el7')}`),
    )
  })

  test("statement 44: a gated repository's index, with root-relative values and slashes at the end", async (t) => {
    const farm = await startFarm(t)
    const gate = `data:application/json,${JSON.stringify({ 'include:': [farm.index] })}`
    farm.job.write(
      'upstream/all_latest.json',
      '{ "latest_ci_repos": {\n  "gated-el9": "/gated/1.2/rpm/el9/"\n} }\n',
    )
    const server = await startUpstream(t, join(farm.job.dir, 'upstream'))
    farm.job.write('merged.json', JSON.stringify({ 'include:': [`${server.url}all_latest.json`, gate] }))
    farm.job.write('job.repo', `${repoSection('gated-el9')}${repoSection('a-el9')}`)
    const { code, stderr } = await farm.job.inject(['--index', 'merged.json', 'job.repo'])
    assert.equal(code, 0, stderr)
    assert.match(farm.job.read('job.repo'), new RegExp(`^baseurl=${server.url}gated/1\\.2/rpm/el9/$`, 'm'))
    assert.ok(farm.job.read('job.repo').includes(`baseurl=${await farm.app.current('a-el9')}\n`))
  })
})
