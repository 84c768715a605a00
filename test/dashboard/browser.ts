import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

import { findTool } from '../support/tools.ts'
import { DEMO_NOW } from './demo-mirrors.ts'

/** A name that is not this machine's own, by which a browser finds it all the same. */
export const FOREIGN_HOST = 'farm.test'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** How a page is looked at. */
export interface Look {
  readonly width: number
  readonly theme?: 'light' | 'dark'
  readonly hasScript?: boolean
}

/** Debian's chromium without a window, reaching nothing but this machine. */
export async function openBrowser(env: Readonly<Record<string, string>> = {}): Promise<Browser> {
  const executablePath = findTool('chromium')
  if (executablePath === undefined) throw new Error('there is no chromium')
  const names = `MAP ${FOREIGN_HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`
  const args = ['--disable-gpu', '--no-sandbox', `--host-resolver-rules=${names}`]
  const known = Object.entries(process.env).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value]],
  )
  return await chromium.launch({ executablePath, args, env: { ...Object.fromEntries(known), ...env } })
}

/** A context of its own, in which it is {@link DEMO_NOW}. */
export async function openContext(
  browser: Browser,
  { width, theme = 'light', hasScript = true }: Look,
): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
    javaScriptEnabled: hasScript,
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  })
  if (hasScript) await context.clock.setFixedTime(DEMO_NOW)
  return context
}

/** Everything a page says that it should not: errors, broken policies, requests to anybody else. */
export function listen(page: Page, origin: string): readonly string[] {
  const said: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') said.push(message.text())
  })
  page.on('pageerror', (error) => said.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) said.push(request.url())
  })
  return said
}

/** What axe-core finds fault with, and how far the page scrolls sideways. */
export async function judge(
  page: Page,
): Promise<{ readonly violations: string[]; readonly sideways: number }> {
  await page.evaluate(AXE)
  const violations = await page.evaluate<string[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')))`,
  )
  const sideways = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  return { violations, sideways }
}

/** Has a page ask the server for news now. */
export async function pollNow(page: Page): Promise<void> {
  const answered = page.waitForResponse((response) => response.request().resourceType() === 'fetch')
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
  await (await answered).finished()
}
