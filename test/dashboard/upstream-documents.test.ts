import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { Browser } from 'playwright-core'

import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { hasTools, needs } from '../support/tools.ts'
import { openBrowser, openContext } from './browser.ts'
import { startTroubleFarm, TROUBLE_TOKEN } from './trouble-farm.ts'

const XHTML = 'http://www.w3.org/1999/xhtml'
/** Leaves what it can read of the tab where anybody can see it. */
const STEAL = `document.documentElement.setAttribute('stolen', sessionStorage.getItem('pinyon-token') ?? 'nothing')`
const ATTRIBUTE = "document.documentElement.getAttribute('stolen')"

describe('what upstream has written', needs('chromium'), () => {
  let browser: Browser | undefined
  before(async () => {
    if (hasTools('chromium')) browser = await openBrowser()
  })
  after(async () => await browser?.close())

  test('is shown, and runs nothing where the token is', async (t) => {
    const farm = await startTroubleFarm(t, { mirrors: { m: [] } })
    const { root } = farm.of('m')
    writeSyntheticRepository(root, {
      packages: [{ name: 'script', href: 'Packages/s.js', content: Buffer.from(STEAL) }],
    })
    const repomd = join(root, 'repodata/repomd.xml')
    const script = `<s:script xmlns:s="${XHTML}">${STEAL}</s:script>`
    const image = `<s:img xmlns:s="${XHTML}" src="/healthz" onerror="${STEAL}"/>`
    const text = readFileSync(repomd, 'utf8').replace('</repomd>', `${script}${image}</repomd>`)
    writeFileSync(repomd, text)
    assert.equal((await farm.sync('m')).outcome, 'published')
    if (browser === undefined) throw new Error('there is no browser')
    const context = await openContext(browser, { width: 1440 })
    t.after(() => context.close())
    const page = await context.newPage()
    await page.goto(`${farm.url}/mirrors/m`)
    await page.evaluate(`sessionStorage.setItem('pinyon-token', '${TROUBLE_TOKEN}')`)
    // As an operator gets there, and again, once it is warm.
    for (let round = 0; round < 2; round += 1) {
      await page.goto(`${farm.url}/mirrors/m`)
      await page.getByRole('link', { name: 'Browse files' }).click()
      await page.getByRole('link', { name: 'repodata/' }).click()
      await page.getByRole('link', { name: 'repomd.xml' }).click()
      await page.waitForURL(/repomd\.xml$/)
      assert.equal(await page.evaluate(ATTRIBUTE), null)
      assert.match(await page.content(), /primary\.xml\.gz/)
    }
    // Nor is a file of it a script of ours, had a name with markup ever got into a page.
    await page.goto(`${farm.url}/mirrors/m`)
    const run = `new Promise((resolve) => {
      const script = document.createElement('script')
      script.onload = () => resolve('run')
      script.onerror = () => resolve('refused')
      script.src = '/repos/yum/m/latest/Packages/s.js'
      document.head.append(script)
    })`
    assert.equal(await page.evaluate(run), 'refused')
    assert.equal(await page.evaluate(ATTRIBUTE), null)
  })
})
