import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'

import type { Browser, Page } from 'playwright-core'

import { hasTools, needs } from '../support/tools.ts'
import { judge, openBrowser, openContext } from './browser.ts'
import { startTroubleFarm, TROUBLE_TOKEN } from './trouble-farm.ts'

const OLDER = '2026-03-17-09-52'
const TABS = 12

describe('the dialogs of writes', needs('chromium'), () => {
  let browser: Browser | undefined
  before(async () => {
    if (hasTools('chromium')) browser = await openBrowser()
  })
  after(async () => await browser?.close())

  test('are gone through by keyboard alone, and read by everybody', async (t) => {
    const farm = await startTroubleFarm(t, { mirrors: { m: [] } })
    await farm.sync('m')
    farm.later(60_000)
    farm.of('m').publish([{ name: 'bash', version: '2' }])
    await farm.sync('m')
    await (await fetch(`${farm.url}/repos/views/job-1/all_latest.json`)).text()
    // In this order: what one has done the next one needs.
    const dialogs = [
      {
        path: '/mirrors/m',
        button: 'Sync now',
        fields: ['Token'],
        does: 'Sync now',
        told: 'm has nothing new.',
      },
      {
        path: `/mirrors/m/snapshots/${OLDER}`,
        button: 'Pin jobs to this',
        fields: ['Why'],
        does: `Pin to ${OLDER}`,
        told: `Jobs get ${OLDER} of m from now on`,
      },
      {
        path: '/mirrors/m',
        button: 'Unpin',
        fields: [],
        does: 'Unpin',
        told: 'Jobs get 2026-03-17-09-53 of m',
      },
      { path: '/views', button: 'End', fields: [], does: 'End the view', told: 'The view job-1 has ended.' },
    ]
    if (browser === undefined) throw new Error('there is no browser')
    const [wide, phone] = [
      await openContext(browser, { width: 1440 }),
      await openContext(browser, { width: 390, theme: 'dark' }),
    ]
    t.after(() => Promise.all([wide.close(), phone.close()]))
    const [page, other] = [await wide.newPage(), await phone.newPage()]
    for (const { path, button, fields, does, told } of dialogs) {
      for (const one of [page, other]) {
        await one.goto(`${farm.url}${path}`)
        await openByKeyboard(one, button)
        assert.deepEqual(await judge(one), { violations: [], sideways: 0 }, button)
        for (let tab = 0; tab < TABS; tab += 1) {
          await one.keyboard.press('Tab')
          assert.ok(
            await one.evaluate(
              'document.activeElement.closest("dialog, body")?.contains(document.activeElement) && !document.activeElement.closest("main")',
            ),
          )
        }
        await one.keyboard.press('Escape')
        assert.equal(await one.getByRole('dialog').count(), 0)
        assert.equal(await one.locator(':focus').innerText(), button, 'and whoever asked is where they were')
      }
      await openByKeyboard(page, button)
      for (const field of fields) {
        while (!(await isFocused(page, field))) await page.keyboard.press('Tab')
        await page.keyboard.type(field === 'Token' ? TROUBLE_TOKEN : 'CI-7')
      }
      while (!(await isFocused(page, does))) await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.locator('#strip', { hasText: told }).waitFor()
      assert.equal(await page.getByRole('dialog').count(), 0)
    }
    assert.doesNotMatch(readFileSync(farm.file, 'utf8'), /CI-7/)
  })
})

async function openByKeyboard(page: Page, button: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
}

/** Whether what has the focus is called so: by its label, or its own words. */
async function isFocused(page: Page, name: string): Promise<boolean> {
  const words = await page.evaluate<string>(
    '[document.activeElement.labels?.[0]?.textContent ?? "", document.activeElement.textContent.trim()].join("|")',
  )
  return words.split('|').some((one) => one.startsWith(name))
}
