import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'

import type { Browser } from 'playwright-core'

import { extent } from '../support/extent.ts'
import { hasTools, needs } from '../support/tools.ts'
import { FOREIGN_HOST, judge, listen, openBrowser, openContext, pollNow } from './browser.ts'
import { DEMO_TOKEN, startDemoFarm } from './demo-farm.ts'

const MIRROR = 'centos-stream-9-appstream'
const NEWEST = '2026-03-17-01-52'
const PINNED = '2026-03-10-15-52'

const PAGES = [
  '/',
  `/mirrors/${MIRROR}`,
  '/mirrors/ovirt-master-snapshot-el9',
  '/mirrors/fedora-branched-fc44',
  `/mirrors/${MIRROR}/snapshots/${NEWEST}?q=podman`,
  `/mirrors/${MIRROR}/snapshots/${PINNED}?state=at_risk`,
  `/mirrors/${MIRROR}/diff`,
  `/mirrors/${MIRROR}/packages/podman`,
  '/generations?at=2026-03-12T18:00Z',
  '/generations/4700',
  '/usage',
  `/usage/${MIRROR}`,
  '/views',
  '/setup',
  '/activity',
  '/search?q=podman',
]

describe('in a browser', needs('chromium'), () => {
  let browser: Browser | undefined
  before(async () => {
    if (hasTools('chromium')) browser = await openBrowser()
  })
  after(async () => await browser?.close())
  const opened = () => {
    if (browser === undefined) throw new Error('there is no browser')
    return browser
  }

  test('every page can be read by everybody, wide and on a phone, light and dark', async (t) => {
    const farm = await startDemoFarm(t, { isStarting: true })
    await fetch(`${farm.url}/repos/views/job-1/all_latest.json`)
    const others = PAGES.slice(0, extent({ full: PAGES.length, slice: 1 }))
    const looks = [
      { width: 1440, theme: 'light', pages: PAGES },
      { width: 390, theme: 'dark', pages: PAGES },
      { width: 1440, theme: 'dark', pages: others },
      { width: 390, theme: 'light', pages: others },
      { width: 1024, theme: 'light', pages: others },
      // What is 1280 wide, at 400 % (WCAG 2.2, 1.4.10).
      { width: 320, theme: 'light', pages: PAGES },
    ] as const
    // Side by side: each look has a process of its own.
    const lookAt = async ({ width, theme, pages }: (typeof looks)[number]) => {
      const context = await openContext(opened(), { width, theme })
      const page = await context.newPage()
      const said = listen(page, farm.url)
      for (const path of pages) {
        await page.goto(`${farm.url}${path}`)
        const { violations, sideways } = await judge(page)
        assert.deepEqual(violations, [], `${path} ${width} ${theme}`)
        assert.ok(sideways <= 0, `${path} scrolls sideways at ${width}: ${sideways}`)
      }
      assert.deepEqual(said, [])
      await context.close()
    }
    await Promise.all(looks.map(lookAt))
  })

  test('no script is needed to read, filter, compare and find', async (t) => {
    const farm = await startDemoFarm(t)
    const context = await openContext(opened(), { width: 1440, hasScript: false })
    const page = await context.newPage()
    await page.goto(farm.url)
    assert.equal(await page.locator('.copy:visible, [data-write]:visible').count(), 0)
    await page.getByRole('link', { name: /^Pinned/ }).click()
    assert.equal(await page.locator('.farm tbody tr').count(), 2)
    await page.getByRole('link', { name: MIRROR, exact: true }).first().click()
    await page.getByRole('button', { name: 'Compare the two' }).click()
    assert.match(await page.locator('.figures').innerText(), /\d+ upgraded/)
    await page.goto(`${farm.url}/mirrors/${MIRROR}/snapshots/${NEWEST}`)
    await page.getByLabel('Find a package in this snapshot').fill('Podman-libs')
    await page.keyboard.press('Enter')
    assert.match(await page.locator('.pkgs tbody').innerText(), /^podman-libs-/)
    await page.getByLabel('Find a mirror or a package').fill('rocky')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'rocky-9-baseos' }).click()
    assert.match(page.url(), /\/mirrors\/rocky-9-baseos$/)
    await context.close()
  })

  test('keys lead everywhere', async (t) => {
    const farm = await startDemoFarm(t)
    const context = await openContext(opened(), { width: 1440 })
    const page = await context.newPage()
    await page.goto(farm.url)
    await page.keyboard.press('Tab')
    assert.equal(await page.locator(':focus').innerText(), 'Skip to content')
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    assert.equal(await page.locator(':focus').innerText(), 'almalinux-9-baseos')
    await page.keyboard.press('Enter')
    await page.waitForURL(/almalinux-9-baseos$/)
    await page.keyboard.press('/')
    assert.equal(await page.locator(':focus').getAttribute('id'), 'q')
    await page.keyboard.type('gc')
    await page.locator('h1').click()
    await page.keyboard.press('g')
    await page.keyboard.press('u')
    await page.waitForURL(/\/usage$/)
    await page.keyboard.press('t')
    await page.reload()
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark')
    await page.keyboard.press('?')
    assert.ok(await page.getByRole('dialog').isVisible())
    await page.getByLabel('Single keys off').check()
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    assert.ok(!(await page.getByRole('dialog').isVisible()))
    await context.close()
  })

  test('what is new shows without a reload, and nothing moves under whoever reads', async (t) => {
    const farm = await startDemoFarm(t, { isStarting: true })
    const context = await openContext(opened(), { width: 1440 })
    const page = await context.newPage()
    await page.goto(farm.url)
    const row = page.locator('.farm tr', { hasText: 'fedora-branched-fc44' })
    assert.match(await row.innerText(), /file \d of \d/)
    await page.evaluate('window.kept = document.querySelector("h1")')
    const link = page.getByRole('link', { name: 'kubernetes-1.33', exact: true })
    await link.focus()
    await pollNow(page)
    farm.release()
    await farm.app.sync('fedora-branched-fc44')
    farm.later(2_000)
    await pollNow(page)
    await page.waitForFunction("!document.body.innerText.includes('first sync')")
    assert.match(await row.innerText(), /2026-03-17-09-5\d/)
    assert.equal(await page.locator(':focus').innerText(), 'kubernetes-1.33')
    assert.equal(await page.evaluate('window.kept === document.querySelector("h1")'), false)
    const shift = "performance.getEntriesByType('layout-shift').reduce((sum, { value }) => sum + value, 0)"
    assert.equal(await page.evaluate(shift), 0)
    await farm.app.close()
    for (let tries = 0; tries < 2; tries += 1) {
      const failed = page.waitForEvent('requestfailed')
      await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
      await failed
    }
    await page.getByText('The server does not answer').waitFor()
    assert.match(await page.title(), /^old: /)
    await context.close()
  })

  test('a pin needs a token and a reason, and can be taken back', async (t) => {
    const farm = await startDemoFarm(t)
    const context = await openContext(opened(), { width: 1440 })
    const page = await context.newPage()
    const mirror = 'rocky-9-baseos'
    const generation = farm.app.store.generation()
    await page.goto(`${farm.url}/mirrors/${mirror}`)
    const older = await page.locator('.sn tbody .nm a').nth(1).innerText()
    await page.getByRole('link', { name: older, exact: true }).first().click()
    const dialog = page.getByRole('dialog')
    await page.getByRole('button', { name: 'Pin jobs to this' }).click()
    const act = dialog.getByRole('button', { name: `Pin to ${older}` })
    await act.click()
    assert.match(await dialog.innerText(), /Say why/)
    await dialog.getByLabel(/^Why/).fill('CI-9 "broken" <b>')
    await dialog.getByLabel('Token').fill('not-the-token-at-all')
    await act.click()
    await dialog.getByText('the token is none of those').waitFor()
    assert.doesNotMatch(readFileSync(farm.file, 'utf8'), /CI-9/)
    await dialog.getByLabel('Token').fill(DEMO_TOKEN)
    await dialog.getByText('The same as a command').click()
    assert.match(
      await dialog.innerText(),
      new RegExp(`pinyon pin ${mirror} ${older} --why 'CI-9 "broken" <b>'`),
    )
    await dialog.getByRole('button', { name: 'Show the patch' }).click()
    await dialog.getByText('+++ b/config/pinyon.yaml').waitFor()
    assert.match(await dialog.innerText(), new RegExp(`^\\+    pin: ${older} +# CI-9 "broken" <b>$`, 'm'))
    assert.doesNotMatch(readFileSync(farm.file, 'utf8'), /CI-9/)
    // Another one is faster.
    const theirs = await fetch(`${farm.url}/api/v1/mirrors/${mirror}/rollback`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_TOKEN}` },
      body: JSON.stringify({ why: 'theirs' }),
    })
    assert.equal(theirs.status, 200)
    await act.click()
    await dialog
      .getByText(/has changed meanwhile: jobs get .*, pinned \(theirs\), by token operator/)
      .waitFor()
    assert.doesNotMatch(readFileSync(farm.file, 'utf8'), /CI-9/)
    await page.goto(`${farm.url}/mirrors/${mirror}`)
    await page.getByRole('button', { name: 'Unpin' }).click()
    await dialog.getByRole('button', { name: 'Unpin' }).click()
    await page.getByText(/from now on, generation/).waitFor()
    await page.getByRole('link', { name: older, exact: true }).first().click()
    await page.getByRole('button', { name: 'Pin jobs to this' }).click()
    await dialog.getByLabel(/^Why/).fill('CI-9 "broken" <b>')
    await act.click()
    await page.getByText(`Jobs get ${older} of ${mirror}`).waitFor()
    assert.match(readFileSync(farm.file, 'utf8'), new RegExp(`pin: ${older} +# CI-9 "broken" <b>`))
    assert.deepEqual(await context.cookies(), [])
    await page.goto(`${farm.url}/mirrors/${mirror}`)
    assert.match(await page.locator('.callout').innerText(), /“CI-9 "broken" <b>”/)
    await page.getByRole('button', { name: 'Unpin' }).click()
    await dialog.getByRole('button', { name: 'Unpin' }).click()
    await page.getByText(/from now on, generation/).waitFor()
    assert.doesNotMatch(readFileSync(farm.file, 'utf8'), /CI-9/)
    // Theirs, taken back; its own, taken back: nobody else has published anything, which would have been reason enough to refuse one.
    assert.equal(farm.app.store.generation(), generation + 4)
    await page.getByRole('button', { name: 'Forget the token' }).click()
    assert.equal(await page.evaluate("sessionStorage.getItem('pinyon-token')"), null)
    await context.close()
  })

  test('lines are copied over plain http as well', async (t) => {
    const farm = await startDemoFarm(t)
    const { port } = new URL(farm.url)
    const context = await openContext(opened(), { width: 1440 })
    const page = await context.newPage()
    await page.goto(`http://${FOREIGN_HOST}:${port}/`)
    assert.equal(await page.evaluate('isSecureContext'), false)
    await page.getByRole('button', { name: 'Copy' }).first().click()
    await page.getByText('Copied').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.press('Control+V')
    assert.equal(
      await page.locator('#q').inputValue(),
      `CI_MIRRORS_URL=http://${FOREIGN_HOST}:${port}/repos/views/$BUILD_TAG/all_latest.json`,
    )
    await context.close()
  })
})
