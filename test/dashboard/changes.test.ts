import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'

import type { Browser } from 'playwright-core'

import { httpGet } from '../support/http-get.ts'
import { hasTools, needs } from '../support/tools.ts'
import { judge, openBrowser, openContext, pollNow } from './browser.ts'
import { startTroubleFarm, TROUBLE_TOKEN, type TroubleFarm } from './trouble-farm.ts'

const MINUTE_MS = 60_000
const SNAPSHOT = '2026-03-17-09-52'

/** Four mirrors that came in one minute, in which one was pinned as well; one has changed in another. */
async function startFarm(t: TestContext): Promise<TroubleFarm> {
  const farm = await startTroubleFarm(t, { mirrors: { a: [], b: [], c: [], d: [] } })
  for (const name of ['a', 'b', 'c', 'd']) await farm.sync(name)
  return farm
}

async function pin(farm: TroubleFarm, mirror: string): Promise<void> {
  const headers = { authorization: `Bearer ${TROUBLE_TOKEN}` }
  const body = JSON.stringify({ snapshot: SNAPSHOT, why: 'ICE in gcc' })
  const answer = await httpGet(`${farm.url}/api/v1/mirrors/${mirror}/pin`, { method: 'PUT', headers, body })
  assert.equal(answer.status, 200, answer.body.toString())
}

async function change(farm: TroubleFarm, mirror: string): Promise<void> {
  farm.later(MINUTE_MS)
  farm.of(mirror).publish([{ name: 'other' }])
  await farm.sync(mirror)
}

/** Its rows, as they are read; of one that is folded its line and its own rows. */
function readRows(html: string): string[] {
  return [
    ...html.matchAll(
      /<details class="group" id="g\d+"><summary>([^]*?)<\/summary>|<tr>\s*(<td class="nm">[^]*?)<\/tr>/g,
    ),
  ].map(([, line, row]) =>
    (line ?? row ?? '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  )
}

describe('what changed for jobs', () => {
  test('is a row for each minute, which opens', async (t) => {
    const farm = await startFarm(t)
    const read = async (query = '') => (await httpGet(`${farm.url}/generations${query}`)).body.toString()
    const [line, ...rows] = readRows(await read())
    assert.match(line ?? '', /^generations \d+–\d+, 4 mirrors 09:5\d .*\bsync, /)
    assert.equal(rows.length, 4)
    await change(farm, 'a')
    const [alone, folded] = readRows(await read())
    assert.match(alone ?? '', /^\d+ 09:53 a .*sync/)
    assert.equal(folded, line)
    const answer = (await httpGet(`${farm.url}/api/v1/generations`)).body.toString()
    const { generations } = JSON.parse(answer) as { generations: unknown[] }
    assert.equal(generations.length, rows.length + 1)
  })

  test('by somebody is told in the row that it is folded into', async (t) => {
    const farm = await startFarm(t)
    await change(farm, 'a')
    await pin(farm, 'a')
    const [line] = readRows((await httpGet(`${farm.url}/generations`)).body.toString())
    assert.match(line ?? '', /^generations \d+–\d+, a 09:53 pin, token operator “ICE in gcc”; sync, /)
  })

  describe('in a browser', needs('chromium'), () => {
    let browser: Browser | undefined
    before(async () => {
      if (hasTools('chromium')) browser = await openBrowser()
    })
    after(async () => await browser?.close())

    for (const width of [1440, 320])
      test(`stays open when more comes, and can be read: ${width}`, async (t) => {
        if (browser === undefined) throw new Error('there is no browser')
        const farm = await startFarm(t)
        await change(farm, 'a')
        await pin(farm, 'a')
        const context = await openContext(browser, { width })
        t.after(() => context.close())
        const page = await context.newPage()
        await page.goto(`${farm.url}/generations`)
        const lines = page.locator('.group summary')
        await page.keyboard.press('j')
        assert.equal(await page.locator('.nm a:focus').count(), 0)
        await lines.last().click()
        await page.keyboard.press('j')
        assert.equal(await page.locator('.nm a:focus').count(), 1)
        await change(farm, 'b')
        await pin(farm, 'b')
        await pollNow(page)
        await page.waitForFunction('document.querySelectorAll("main .group").length === 3')
        const open = await page.evaluate(
          '[...document.querySelectorAll("main .group")].map((one) => one.open)',
        )
        assert.deepEqual(open, [false, false, true])
        const { violations, sideways } = await judge(page)
        assert.deepEqual([violations, sideways <= 0], [[], true])
      })
  })
})
