import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { after, before, describe, test, type TestContext } from 'node:test'

import type { Browser, Page } from 'playwright-core'

import { hasTools, needs } from '../support/tools.ts'
import { FOREIGN_HOST, openBrowser, openContext } from './browser.ts'
import { startTroubleFarm, TROUBLE_TOKEN } from './trouble-farm.ts'

const VIEW = 'job-1'

/** Every write there is, of a mirror `m`. */
function writesOf(snapshot: string): readonly (readonly [method: string, path: string, body?: string])[] {
  const pin = JSON.stringify({ snapshot, why: 'x' })
  return [
    ['POST', '/api/v1/reload', '{}'],
    ['POST', '/api/v1/gc', '{}'],
    ['POST', '/api/v1/verify', '{}'],
    ['POST', '/api/v1/rollback', '{"generation":1}'],
    ['POST', '/api/v1/mirrors/m/sync', '{}'],
    ['POST', '/api/v1/mirrors/m/fetch', '{"which":"all"}'],
    ['POST', '/api/v1/mirrors/m/rollback', '{"why":"x"}'],
    ['PUT', '/api/v1/mirrors/m/pin', pin],
    ['DELETE', '/api/v1/mirrors/m/pin', '{}'],
    ['DELETE', '/api/v1/mirrors/m?force=1'],
    ['DELETE', `/api/v1/mirrors/m/snapshots/${snapshot}`],
    ['DELETE', '/api/v1/views?client=127.0.0.1'],
    ['DELETE', `/api/v1/views/${VIEW}`],
    ['DELETE', `/repos/views/${VIEW}/all_latest.json`],
    ['POST', '/repos/inject?view=theirs', '[m]\nname=m\n'],
    ['GET', '/repos/views/theirs/all_latest.json'],
  ]
}

/** What a page does to have each of them done; resolves when all has been answered or refused. */
const ATTACK = String.raw`async ({ target, writes, guess }) => {
  const tried = []
  const loaded = (element, address, name = 'src') => new Promise((resolve) => {
    element.onload = element.onerror = resolve
    element[name] = address
    document.body.append(element)
  })
  for (const [method, path, body] of writes) {
    const url = target + path
    const text = method === 'GET' ? undefined : body
    const plain = { 'Content-Type': 'text/plain' }
    tried.push(fetch(url, { method, body: text }))
    tried.push(fetch(url, { method, body: text, credentials: 'include' }))
    tried.push(fetch(url, { method, body: text, headers: { Authorization: 'Bearer ' + guess } }))
    if (method === 'GET' || method === 'POST') tried.push(fetch(url, { method, body: text, mode: 'no-cors', credentials: 'include', headers: plain }))
    tried.push(fetch(url + (path.includes('?') ? '&' : '?') + '_method=' + method, { method: 'POST', body: text, mode: 'no-cors', headers: plain }))
    navigator.sendBeacon(url, new Blob([body ?? ''], { type: 'text/plain' }))
    tried.push(loaded(new Image(), url))
    tried.push(loaded(Object.assign(document.createElement('link'), { rel: 'stylesheet' }), url, 'href'))
    tried.push(loaded(document.createElement('script'), url))
    const frame = Object.assign(document.createElement('iframe'), { name: 'f' + tried.length })
    document.body.append(frame)
    for (const kind of ['POST', 'GET']) {
      const form = Object.assign(document.createElement('form'), { action: url, method: kind, enctype: 'text/plain', target: frame.name })
      form.append(Object.assign(document.createElement('input'), { name: body ?? 'x', value: '' }))
      document.body.append(form)
      const done = new Promise((resolve) => (frame.onload = resolve))
      form.submit()
      tried.push(done)
      await done
    }
  }
  const results = await Promise.allSettled(tried)
  const answers = results.filter(({ status, value }) => status === 'fulfilled' && value instanceof Response)
  return { readable: answers.filter(({ value }) => value.type !== 'opaque').map(({ value }) => value.status), tried: tried.length }
}`

describe('a page of somebody else', needs('chromium'), () => {
  let browser: Browser | undefined
  before(async () => {
    if (hasTools('chromium')) browser = await openBrowser()
  })
  after(async () => await browser?.close())

  async function openPage(t: TestContext): Promise<Page> {
    if (browser === undefined) throw new Error('there is no browser')
    const context = await openContext(browser, { width: 1440 })
    t.after(() => context.close())
    return await context.newPage()
  }

  for (const hasTokens of [true, false])
    test(`has nothing done by a server ${hasTokens ? 'with' : 'without'} tokens`, async (t) => {
      const { farm, snapshot, state } = await startTarget(t, hasTokens)
      const page = await openPage(t)
      // Who works there has shown the token to this very browser.
      await page.goto(farm.url)
      await page.evaluate(`sessionStorage.setItem('pinyon-token', '${TROUBLE_TOKEN}')`)
      const before = await state()
      const answers = countAnswers(page, farm.url)
      await page.goto(`${await startForeignSite(t)}/`)
      const attack = { target: farm.url, writes: writesOf(snapshot), guess: 'guessed-0123456789abcdef' }
      const { readable } = await page.evaluate<{ readable: number[] }>(
        `(${ATTACK})(${JSON.stringify(attack)})`,
      )
      assert.deepEqual(readable, [], 'nothing can be read either')
      assert.ok(answers.refused > 40 && answers.done.length === 0, JSON.stringify(answers))
      assert.deepEqual(await state(), before)
    })

  test('has nothing done under a name that leads to the server all of a sudden', async (t) => {
    const { farm, snapshot, state } = await startTarget(t, true)
    const page = await openPage(t)
    const target = `http://${FOREIGN_HOST}:${new URL(farm.url).port}`
    // What answers there is ours, and its policy not the page's.
    await page.goto(`${target}/healthz`)
    const before = await state()
    // Opening a view is free to whoever can send a GET: that is all that is left, and what it changes is how long one is held.
    const writes = writesOf(snapshot).filter(([method]) => method !== 'GET')
    const attack = { target, writes, guess: 'guessed-0123456789abcdef' }
    const { readable } = await page.evaluate<{ readable: number[] }>(`(${ATTACK})(${JSON.stringify(attack)})`)
    assert.ok(readable.length > 40)
    const reads = readable.filter((status) => status < 400)
    assert.deepEqual(reads, [])
    assert.deepEqual(await state(), before)
  })

  test('cannot frame one of ours', async (t) => {
    const { farm, snapshot } = await startTarget(t, true)
    const page = await openPage(t)
    const site = await startForeignSite(t)
    for (const path of [
      '/',
      '/mirrors/m',
      `/mirrors/m/snapshots/${snapshot}`,
      '/views',
      '/setup',
      '/mirrors/nowhere',
    ]) {
      await page.goto(`${site}/?${encodeURIComponent(`${farm.url}${path}`)}`)
      const framed = () => page.frames()[1]?.url() ?? ''
      while (['', 'about:blank'].includes(framed())) await page.evaluate('new Promise(requestAnimationFrame)')
      assert.match(framed(), /^chrome-error:/, path)
    }
  })
})

/** A server with something to lose, and all that a write could change there. */
async function startTarget(t: TestContext, hasTokens: boolean) {
  const farm = await startTroubleFarm(t, { mirrors: { m: [] }, hasTokens })
  await farm.sync('m')
  farm.later(60_000)
  farm.of('m').publish([{ name: 'bash', version: '2' }])
  await farm.sync('m')
  await (await fetch(`${farm.url}/repos/views/${VIEW}/all_latest.json`)).text()
  const read = async (path: string) => await (await fetch(`${farm.url}/api/v1/${path}`)).json()
  const { snapshots } = (await read('mirrors/m/snapshots')) as { snapshots: { name: string }[] }
  const snapshot = snapshots.at(-1)?.name ?? ''
  const state = async () => ({
    file: readFileSync(farm.file, 'utf8'),
    upstream: farm.of('m').upstream.count(),
    snapshots: ((await read('mirrors/m/snapshots')) as { snapshots: { name: string }[] }).snapshots.map(
      ({ name }) => name,
    ),
    generations: await read('generations'),
    // How long each is held yet is another number each time.
    views: JSON.stringify(await read('views')).replace(/"expires_\w+":[^,}]+/g, ''),
  })
  assert.equal(snapshots.length, 2)
  assert.match(JSON.stringify(await read('views')), /job-1/)
  return { farm, snapshot, state }
}

/** What the server made of a page's attempts. */
function countAnswers(page: Page, origin: string): { refused: number; readonly done: string[] } {
  const answers = { refused: 0, done: [] as string[] }
  page.on('response', (response) => {
    if (!response.url().startsWith(origin)) return
    if (response.status() >= 400) answers.refused += 1
    else if (response.request().method() !== 'GET')
      answers.done.push(`${response.request().method()} ${response.url()}`)
  })
  return answers
}

/** A site of another name, whose page frames what its query says. */
async function startForeignSite(t: TestContext): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    const framed = decodeURIComponent(/\?(.*)$/.exec(url)?.[1] ?? '')
    response.setHeader('Content-Type', 'text/html')
    response.end(
      `<!doctype html><title>elsewhere</title><body>${framed && `<iframe src="${framed}"></iframe>`}`,
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://${FOREIGN_HOST}:${(server.address() as AddressInfo).port}`
}
