import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

import { findTool } from '../support/tools.ts'
import { DEMO_NOW } from './demo-data.ts'

/** How a page is looked at. */
export interface Look {
  readonly width: number
  readonly theme?: 'light' | 'dark'
  readonly hasScript?: boolean
}

/** Debian's chromium without a window, reaching nothing but this machine. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findTool('chromium')
  if (executablePath === undefined) throw new Error('there is no chromium')
  const args = [
    '--disable-gpu',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE farm.test',
  ]
  return await chromium.launch({ executablePath, args: [...args, '--no-sandbox'] })
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

/** Opens a page, and fails when it asks anybody else, says anything on the console, or breaks its own policy. */
export async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') throw new Error(`${url}: ${message.text()}`)
  })
  page.on('pageerror', (error) => {
    throw new Error(`${url}: ${error.message}`)
  })
  await page.goto(url, { waitUntil: 'load' })
  return page
}
