import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { parse } from 'yaml'

import { runCommand, type CommandResult } from '../../support/run-command.ts'
import { needs } from '../../support/tools.ts'
import { startFarm, type Farm } from './farm.ts'
import { manifest } from './manifest.ts'
import { CLIENT } from './slave.ts'

const EXAMPLES = new URL('../../../config/examples/', import.meta.url).pathname
const JENKINS = join(EXAMPLES, 'jenkins')
const SCRIPTS = readdirSync(JENKINS).filter((name) => name.endsWith('.sh'))

interface Step {
  readonly name?: string
  readonly run?: string
}

const GITHUB = parse(readFileSync(join(EXAMPLES, 'github/check.yml'), 'utf8')) as {
  readonly jobs: { readonly check: { readonly steps: readonly Step[] } }
}
const GITLAB = parse(readFileSync(join(EXAMPLES, 'gitlab/.gitlab-ci.yml'), 'utf8')) as {
  readonly check: Readonly<Record<'before_script' | 'script' | 'after_script', readonly string[]>>
}

interface Builds extends Farm {
  /** Runs a script of a build of Jenkins on the slave. */
  readonly jenkins: (build: string, script: string, ...args: readonly string[]) => Promise<CommandResult>
  /** Runs a line of an example as the CI would, but for the slave's root. */
  readonly line: (text: string, env: Readonly<Record<string, string>>) => Promise<CommandResult>
}

async function start(t: TestContext): Promise<Builds> {
  const farm = await startFarm(t)
  const client = join(farm.scratch, 'pinyon-client')
  writeFileSync(client, readFileSync(CLIENT))
  const bin = join(farm.scratch, 'ci-bin')
  mkdirSync(bin)
  for (const path of [client, join(bin, 'sudo')]) {
    if (path !== client) writeFileSync(path, '#!/bin/sh\nexec "$@"\n')
    chmodSync(path, 0o755)
  }
  const env = { PINYON_SERVER: farm.url, PATH: `${bin}:${process.env['PATH']}` }
  return {
    ...farm,
    jenkins: async (build, script, ...args) => {
      const own = { BUILD_TAG: build, PINYON_CLIENT: client, PINYON_ROOT: farm.root }
      return await runCommand('sh', [join(JENKINS, script), ...args], { env: { ...env, ...own } })
    },
    line: async (text, more) => {
      const here = text
        .replaceAll('/var/lib/pinyon', join(farm.root, 'var/lib/pinyon'))
        .replaceAll('/tmp/client.sh', join(farm.scratch, 'client.sh'))
        .replaceAll(/ (begin|commit|rollback) /g, ` $1 --root ${farm.root} `)
      return await runCommand('sh', ['-ec', here], { env: { ...env, RUNNER_TEMP: farm.scratch, ...more } })
    },
  }
}

function succeed({ code, stderr }: CommandResult): void {
  assert.equal(code, 0, stderr)
}

describe('the examples for Jenkins', () => {
  test('are clean to shellcheck', needs('shellcheck'), () => {
    assert.equal(SCRIPTS.length, 4)
    const { stdout, status } = spawnSync(
      'shellcheck',
      SCRIPTS.map((name) => join(JENKINS, name)),
      { encoding: 'utf8' },
    )
    assert.deepEqual([stdout, status], ['', 0])
    const pipeline = readFileSync(join(JENKINS, 'Jenkinsfile'), 'utf8')
    const called = Array.from(
      pipeline.matchAll(/\/usr\/local\/libexec\/pinyon\/([a-z.]+)/g),
      ([, name]) => name,
    )
    assert.deepEqual(called, ['begin.sh', 'commit.sh', 'rollback.sh'])
  })

  test('give a slave back, or keep it, and leave that of another build alone', async (t) => {
    const { jenkins, root, client, app } = await start(t)
    const before = manifest(root)
    succeed(await jenkins('jenkins-a job #1', 'begin.sh', '--only-mirrored'))
    assert.deepEqual(
      (await app.store.views.list()).map(({ name }) => name),
      ['jenkins-a-job--1'],
    )
    succeed(await jenkins('jenkins-b-2', 'rollback.sh'))
    assert.equal(client.isOpen, true)
    succeed(await jenkins('jenkins-a job #1', 'rollback.sh'))
    assert.deepEqual(manifest(root), before)
    succeed(await jenkins('jenkins-b-2', 'begin.sh'))
    succeed(await jenkins('jenkins-b-2', 'commit.sh'))
    succeed(await jenkins('jenkins-b-2', 'rollback.sh'))
    assert.match(readFileSync(join(root, 'etc/yum.repos.d/m.repo'), 'utf8'), /^baseurl=http:\/\/127/m)
    assert.equal((await jenkins('jenkins-b-2', 'commit.sh')).code, 3)
  })

  test('roll back by the copy although the installed client is broken', async (t) => {
    const { jenkins, root, scratch } = await start(t)
    const before = manifest(root)
    succeed(await jenkins('job-1', 'begin.sh'))
    writeFileSync(join(scratch, 'pinyon-client'), '#!/bin/sh\nif then\n')
    succeed(await jenkins('job-1', 'rollback.sh'))
    assert.deepEqual(manifest(root), before)
  })

  test('run a whole job in one step', async (t) => {
    const { jenkins, root, client } = await start(t)
    const before = manifest(root)
    const repo = join(root, 'etc/yum.repos.d/m.repo')
    const failed = await jenkins('job-1', 'job.sh', 'sh', '-c', `grep ^baseurl=http://127 '${repo}'; exit 7`)
    assert.equal(failed.code, 7)
    assert.match(failed.stdout, /^baseurl=/)
    assert.deepEqual(manifest(root), before)
    const killed = await jenkins('job-2', 'job.sh', 'sh', '-c', 'kill -TERM $PPID; exit 0')
    assert.notEqual(killed.code, 0)
    assert.deepEqual(manifest(root), before)
    succeed(await jenkins('job-3', 'job.sh', 'true'))
    assert.match(readFileSync(repo, 'utf8'), /^baseurl=http:\/\/127/m)
    assert.equal(client.isOpen, false)
  })
})

test('the workflow for GitHub Actions begins, commits what succeeded and rolls back what failed', async (t) => {
  const { line, root } = await start(t)
  const before = manifest(root)
  const steps = new Map(GITHUB.jobs.check.steps.map(({ name, run }) => [name, run]))
  const step = async (name: string, view: string) => await line(steps.get(name) ?? 'false', { VIEW: view })
  succeed(await step('Begin', 'github-1'))
  succeed(await step('Roll back', 'github-1'))
  assert.deepEqual(manifest(root), before)
  succeed(await step('Roll back', 'github-1'))
  succeed(await step('Begin', 'github-2'))
  succeed(await step('Commit', 'github-2'))
  succeed(await step('Roll back', 'github-2'))
  assert.match(readFileSync(join(root, 'etc/yum.repos.d/m.repo'), 'utf8'), /^baseurl=http:\/\/127/m)
})

test('the job for GitLab CI begins, commits what succeeded and rolls back what failed', async (t) => {
  const { line, root } = await start(t)
  const before = manifest(root)
  const section = async (name: 'before_script' | 'after_script', status: string) => {
    for (const text of GITLAB.check[name])
      succeed(await line(text, { VIEW: 'gitlab-1', CI_JOB_STATUS: status }))
  }
  await section('before_script', 'running')
  await section('after_script', 'failed')
  assert.deepEqual(manifest(root), before)
  await section('before_script', 'running')
  await section('after_script', 'success')
  assert.match(readFileSync(join(root, 'etc/yum.repos.d/m.repo'), 'utf8'), /^baseurl=http:\/\/127/m)
  assert.equal(existsSync(join(root, 'var/lib/pinyon/open')), false)
})
