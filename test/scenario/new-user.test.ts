import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { Page } from 'playwright-core'

import { openBrowser } from '../dashboard/browser.ts'
import { copyCheckout } from '../packaging/checkout.ts'
import { freePort } from '../support/daemon.ts'
import { DnfRoot, type DnfRepository } from '../support/dnf.ts'
import { gate } from '../support/gate.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { mustRun } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'

const TOOLS = needs('chromium', 'dnf', 'createrepo_c', 'rpmbuild', 'root')
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const MIRROR = 'team-el9'
/** For whatever a page is to show, in milliseconds: machines that run tests are busy. */
const PATIENCE_MS = 60_000

/** A terminal in the checkout. Nothing is typed that the README does not show. */
function openTerminal(checkout: string) {
  return async (command: string, ...args: readonly string[]) => {
    const shown = `npm run -s pinyon -- ${command}`
    assert.ok(README.includes(shown), `the README does not show: ${shown}`)
    const line = ['run', '-s', 'pinyon', '--', command, ...args]
    return (await mustRun('npm', line, { cwd: checkout, env: { PINYON_LOG: 'silent' } })).stdout
  }
}

/** `npm start`, until it has said what to do next. */
async function start(t: TestContext, checkout: string): Promise<string> {
  assert.ok(README.includes('npm start'))
  const child = spawn('npm', ['start'], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
    env: { ...process.env, PINYON_LOG: 'silent' },
  })
  const exited = once(child, 'exit')
  t.after(async () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await exited
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  while (!said.includes('Ctrl-C stops.')) await once(child.stdout, 'data')
  return said
}

/** What the page's `.repo` says, as a button copies it. */
async function copyRepo(page: Page, url: string): Promise<DnfRepository> {
  await page.goto(`${url}/setup?mirror=${MIRROR}`)
  const block = page.locator('#machine .line.blk')
  const text = (await block.locator('pre').textContent()) ?? ''
  await block.getByRole('button', { name: 'Copy' }).click()
  await block.getByRole('button', { name: 'Copied' }).waitFor()
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), text)
  const values = Object.fromEntries(
    [...text.matchAll(/^(\w+) ?= ?(.*)$/gm)].map(([, key = '', value = '']) => [key, value]),
  )
  const { baseurl = '', ...extra } = values
  return { id: /^\[(.+)\]$/m.exec(text)?.[1] ?? '', baseurl, extra }
}

/** What a machine of its own installs by this `.repo`. */
async function install(t: TestContext, repo: DnfRepository): Promise<readonly string[]> {
  const machine = new DnfRoot(tempDir(t), [repo])
  const { code, stderr } = await machine.install('hello')
  assert.equal(code, 0, stderr)
  return await machine.installed()
}

test('a new user goes from a clone to a rollback by the README alone', TOOLS, async (t) => {
  const checkout = copyCheckout(t)
  const file = join(checkout, 'config/pinyon.yaml')
  // The shipped port may be somebody's here.
  writeFileSync(file, readFileSync(file, 'utf8').replace(':8080', `:${await freePort()}`))
  const upstreamDir = tempDir(t)
  const tree = new RepositoryTree(upstreamDir)
  const rpms = await buildRpms(
    ['1.0', '2.0'].map((version) => ({ name: 'hello', version })),
    tempDir(t),
  )
  tree.add(rpms[0] ?? '')
  await tree.publish()
  const upstream = await startUpstream(t, upstreamDir)
  const primary = gate()
  upstream.rules = [{ match: /primary/, hold: primary }]
  t.after(() => primary.open())

  const said = await start(t, checkout)
  const url = / {2}dashboard +(http:\/\/\S+?)\/\n/.exec(said)?.[1] ?? ''
  assert.ok(said.includes(`dnf --repofrompath=sample,${url}/repos/yum/sample/latest --repo=sample`), said)
  assert.match(said, /below mirrors: in config\/pinyon\.yaml/)
  const run = openTerminal(checkout)
  const browser = await openBrowser()
  t.after(() => browser.close())
  const context = await browser.newContext()
  context.setDefaultTimeout(PATIENCE_MS)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  const page = await context.newPage()
  await page.goto(url)
  await page.getByRole('link', { name: 'sample', exact: true }).first().waitFor()

  // A mirror is added, and its first sync watched.
  const entry = `  ${MIRROR}:\n    baseurl: ${upstream.url}\n    retries: 0\n`
  writeFileSync(file, `${readFileSync(file, 'utf8').trimEnd()}\n${entry}`)
  await run('check-config')
  await upstream.waitFor(/primary/)
  await page.goto(`${url}/mirrors/${MIRROR}`)
  await page.getByText('First sync:').waitFor()
  primary.open()
  // It refreshes itself.
  await page.getByText('First sync:').waitFor({ state: 'detached' })
  const frozen = await copyRepo(page, url)
  assert.match(frozen.baseurl, new RegExp(`/repos/yum/${MIRROR}/\\d{4}(-\\d{2}){4}/?$`))
  assert.deepEqual(await install(t, frozen), ['hello-1.0-1.noarch'])

  // Upstream publishes; what was copied does not move, what is copied now does.
  tree.add(rpms[1] ?? '')
  await tree.publish()
  assert.match(await run('sync', MIRROR), /published .* \(1 added, 0 removed\)/)
  const copied = await copyRepo(page, url)
  assert.notEqual(copied.baseurl, frozen.baseurl)
  assert.deepEqual(await install(t, copied), ['hello-2.0-1.noarch'])
  assert.match(await run('diff', MIRROR), /hello/)
  assert.match(await run('rollback', MIRROR, '--why', '2.0 breaks us'), /pinned to /)
  await page.goto(`${url}/mirrors/${MIRROR}`)
  await page.getByText('2.0 breaks us').first().waitFor()
  assert.deepEqual(await copyRepo(page, url), frozen)
  assert.match(await run('status'), /team-el9 is pinned: 2\.0 breaks us/)
  await run('unpin', MIRROR)
  const [, newest = ''] = (await run('snapshots', MIRROR)).split('\n')
  assert.match(newest, /current/)
})
