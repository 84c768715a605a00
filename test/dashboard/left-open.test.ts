import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test, type TestContext } from 'node:test'

import type { Browser, CDPSession, Page } from 'playwright-core'

import { httpGet } from '../support/http-get.ts'
import { hasTools, needs } from '../support/tools.ts'
import { openBrowser } from './browser.ts'
import { DEMO_NOW } from './demo-mirrors.ts'
import { startTroubleFarm, TROUBLE_TOKEN, type TroubleFarm } from './trouble-farm.ts'

const DAY_MS = 86_400_000
const UPDATES = 120
const STEP_MS = DAY_MS / UPDATES
/** Until here a page and its engine have all that they ever need. */
const WARM = 30

const PIN = { method: 'PUT', headers: { authorization: `Bearer ${TROUBLE_TOKEN}` } }

describe('a page that is left open', needs('chromium'), () => {
  let browser: Browser | undefined
  before(async () => {
    if (hasTools('chromium')) browser = await openBrowser()
  })
  after(async () => await browser?.close())

  /** A page whose time is passed by the test, with the engine's own figures of it. */
  async function open(t: TestContext, url: string) {
    if (browser === undefined) throw new Error('there is no browser')
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'UTC' })
    t.after(() => context.close())
    const page = await context.newPage()
    await page.clock.install({ time: DEMO_NOW })
    // Before there is a page: its time is as that of the test from its beginning, however long it takes to load.
    await page.clock.pauseAt(DEMO_NOW + 3_600_000)
    await page.goto(url)
    const session = await context.newCDPSession(page)
    await session.send('Performance.enable')
    return { page, session }
  }

  test('for a day is as small as in its first hour, and holds no connection', async (t) => {
    const farm = await startFarm(t)
    const { page, session } = await open(t, farm.url)
    const sockets: string[] = []
    page.on('websocket', (socket) => sockets.push(socket.url()))
    await page.evaluate('window.EventSource = class { constructor() { throw new Error("no streams") } }')
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    let early: Figures | undefined
    let connections = 0
    for (let update = 0; update < UPDATES; update += 1) {
      // Each shows something else: the pin comes and goes.
      await setPin(farm, update % 2 === 0)
      farm.later(STEP_MS)
      assert.equal(await passTime(page, STEP_MS), 200)
      if (update !== WARM - 1) continue
      early = await measure(session)
      connections = countConnections(farm.url)
    }
    const late = await measure(session)
    assert.ok(early !== undefined)
    assert.ok(late.listeners <= early.listeners, JSON.stringify({ early, late }))
    assert.ok(late.documents <= early.documents, JSON.stringify({ early, late }))
    assert.ok(late.nodes <= early.nodes + 50, JSON.stringify({ early, late }))
    assert.ok(late.heapBytes < early.heapBytes + 2_000_000, JSON.stringify({ early, late }))
    // One after the other is asked: none needs a further one.
    assert.ok(countConnections(farm.url) <= Math.max(2, connections), `connections: ${connections} at first`)
    assert.deepEqual([sockets, errors], [[], []])
    assert.equal(await page.locator('h1').innerText(), 'The mirror is fresh')
    assert.equal(await page.locator('.farm tbody time').first().innerText(), '1 d ago')
  })

  test('goes on after sleep, another time of day, a hidden hour, and the end of the server', async (t) => {
    const farm = await startFarm(t)
    const { page } = await open(t, farm.url)
    const asked: string[] = []
    page.on('request', (request) => void (request.resourceType() === 'fetch' && asked.push(request.url())))
    // A lid that was closed for eight hours: one question, whatever time has passed.
    assert.equal(await passTime(page, 8 * 3_600_000), 200)
    assert.equal(asked.length, 1)
    for (const at of [DEMO_NOW - DAY_MS, DEMO_NOW + 40 * DAY_MS, DEMO_NOW]) {
      await page.clock.setSystemTime(at)
      assert.ok([200, 304].includes(await passTime(page, 20_000)))
    }
    assert.match(await page.locator('.farm tbody time').first().innerText(), /^just now$|^\d/)
    await setHidden(page, true)
    const before = asked.length
    await page.clock.fastForward(3_600_000)
    await page.clock.fastForward(3_600_000)
    assert.equal(asked.length, before, 'nobody looks')
    const answered = waitForAnswer(page)
    await setHidden(page, false)
    await answered
    assert.equal(asked.length, before + 1)

    await farm.app.close()
    for (const ms of [20_000, 20_000, 40_000]) {
      await passUntil(page, ms, page.waitForEvent('requestfailed'))
    }
    await page.getByText('The server does not answer; it is asked again.').waitFor()
    assert.match(await page.title(), /^old: /)
    await farm.startAgain()
    await passTime(page, 75_000)
    await page.locator('#strip').waitFor({ state: 'hidden' })
    assert.equal(await page.title(), 'All fresh, pinyon')
    assert.equal(await page.locator('html.old').count(), 0)
  })
})

interface Figures {
  readonly nodes: number
  readonly documents: number
  readonly listeners: number
  readonly heapBytes: number
}

/** What the engine holds of the page, after it has thrown away what nobody needs. */
async function measure(session: CDPSession): Promise<Figures> {
  await session.send('HeapProfiler.collectGarbage')
  await session.send('HeapProfiler.collectGarbage')
  const { metrics } = await session.send('Performance.getMetrics')
  const of = (name: string) => metrics.find((one) => one.name === name)?.value ?? Number.NaN
  return {
    nodes: of('Nodes'),
    documents: of('Documents'),
    listeners: of('JSEventListeners'),
    heapBytes: of('JSHeapUsedSize'),
  }
}

async function startFarm(t: TestContext): Promise<TroubleFarm> {
  const farm = await startTroubleFarm(t, { mirrors: { m: [] } })
  await farm.sync('m')
  return farm
}

async function setPin(farm: TroubleFarm, isPinned: boolean): Promise<void> {
  const body = JSON.stringify({ snapshot: '2026-03-17-09-52', why: 'x' })
  const how = isPinned ? { ...PIN, body } : { ...PIN, method: 'DELETE' }
  const answer = await httpGet(`${farm.url}/api/v1/mirrors/m/pin`, how)
  assert.equal(answer.status, 200, answer.body.toString())
}

/** Lets time pass in which a page asks once. @returns the status of the answer */
async function passTime(page: Page, ms: number): Promise<number> {
  return await passUntil(page, ms, waitForAnswer(page))
}

/**
 * Lets time pass, and then some more by the second until the page asks: it may still have been at what came before. What comes of that is
 * waited for while its time stands still.
 */
async function passUntil<T>(page: Page, ms: number, event: Promise<T>): Promise<T> {
  let isAsked = false
  page.once('request', () => (isAsked = true))
  await page.clock.fastForward(ms)
  while (!isAsked) await page.clock.runFor(1_000)
  return await event
}

async function waitForAnswer(page: Page): Promise<number> {
  const answer = await page.waitForResponse((response) => response.request().resourceType() === 'fetch')
  await answer.finished()
  return answer.status()
}

async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))`)
}

/** Connections that are open to a port of this machine. */
function countConnections(url: string): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0')
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  // 01 is established.
  return lines.filter((line) => new RegExp(`^ *\\d+: [0-9A-F]{8}:${port} \\S+ 01 `).test(line)).length
}
