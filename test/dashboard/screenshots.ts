/**
 * Makes the pictures of docs/screenshots: `npm run screenshots`. They show a made-up farm, at a moment that is always the same; fonts are those of
 * the machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { openBrowser, openContext } from './browser.ts'
import { startDemoFarm } from './demo-farm.ts'

const DIRECTORY = new URL('../../docs/screenshots/', import.meta.url).pathname
const MAX_BYTES = 150_000
const MIRROR = 'centos-stream-9-appstream'

const PICTURES = [
  { name: 'farm', path: '/', width: 1280, theme: 'light', height: 1060 },
  { name: 'farm-dark', path: '/', width: 1280, theme: 'dark', height: 1060 },
  { name: 'mirror', path: `/mirrors/${MIRROR}`, width: 1280, theme: 'light', height: 1000 },
  { name: 'mirror-phone-dark', path: `/mirrors/${MIRROR}`, width: 390, theme: 'dark', height: 844 },
] as const

const ends: (() => unknown)[] = []
const context = { after: (end: () => unknown) => void ends.push(end) } as unknown as TestContext
try {
  const publicUrl = 'http://mirrors.example.org'
  const options = { hasTraffic: true, isStarting: true, publicUrl, syncInterval: '8h' }
  const farm = await startDemoFarm(context, options)
  const browser = await openBrowser()
  ends.push(() => browser.close())
  mkdirSync(DIRECTORY, { recursive: true })
  for (const { name, path, width, theme, height } of PICTURES) {
    const looked = await openContext(browser, { width, theme })
    const page = await looked.newPage()
    await page.setViewportSize({ width, height })
    await page.goto(`${farm.url}${path}`)
    const file = join(DIRECTORY, `${name}.webp`)
    const session = await looked.newCDPSession(page)
    // Half of what it takes as PNG.
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 88 })
    const bytes = Buffer.from(data, 'base64')
    writeFileSync(file, bytes)
    const size = bytes.length
    process.stdout.write(`${file} ${size} bytes${size > MAX_BYTES ? `, more than ${MAX_BYTES}` : ''}\n`)
    await looked.close()
  }
} finally {
  for (const end of ends.toReversed()) await end()
}
