import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'

import type { Browser, Page } from 'playwright-core'

import { mountSmallDisk } from '../cache/small-disk.ts'
import { gate, type Gate } from '../support/gate.ts'
import { Gpg } from '../support/gpg.ts'
import { ReadOnlyCover } from '../support/read-only-disk.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { extent } from '../support/extent.ts'
import { hasTools, needs } from '../support/tools.ts'
import { startUpstream } from '../support/upstream.ts'
import { judge, openBrowser, openContext, pollNow, type Look } from './browser.ts'
import { DEMO_NOW } from './demo-mirrors.ts'
import { startTroubleFarm, TROUBLE_TOKEN, type TroubleFarm } from './trouble-farm.ts'

const SIGNED_AT = DEMO_NOW / 1000 - 3600
const MINUTE_MS = 60_000
/** Pages are kept for a second: so many answers take much longer. */
const MOST_POLLS = 1_000
const WIDE: Look = { width: 1440 }
const LOOKS: readonly Look[] = [
  { width: 390, theme: 'dark' },
  { width: 1024 },
  { width: 1440, theme: 'dark' },
  { width: 390 },
  WIDE,
]

describe('real trouble', needs('chromium'), () => {
  let browser: Browser | undefined
  before(async () => {
    if (hasTools('chromium')) browser = await openBrowser()
  })
  after(async () => await browser?.close())

  /** A page whose clock is the server's. */
  async function open(t: TestContext, farm: TroubleFarm, look: Look = WIDE): Promise<Page> {
    if (browser === undefined) throw new Error('there is no browser')
    const context = await openContext(browser, look)
    t.after(() => context.close())
    await context.clock.setFixedTime(farm.now())
    return await context.newPage()
  }

  test('is told of each mirror: what, why, and when upstream is asked again', needs('gpg'), async (t) => {
    const farm = await startSick(t)
    const page = await open(t, farm)
    await page.goto(farm.url)
    assert.equal(await page.locator('h1').innerText(), '9 of 10 mirrors are fresh; 8 need a look')
    assert.equal(await page.title(), '8 need a look, pinyon')
    const url = (name: string) => `${farm.of(name).upstream.url}repodata/repomd.xml`
    const keeps = 'Jobs keep getting the current snapshot.'
    const steps = 'See the checks | Sync now'
    const lines = (await textsOf(page, '.att li')).map((line) => line.replace(/\b[0-9a-f]{12}…/g, 'DIGEST'))
    assert.deepEqual(lines, [
      'failing gives errors to jobs | 25 of 25 requests of the last five minutes failed. | See the checks',
      'dropped lists 1 package that is lost | Every source was asked and has them not. A job that asks for one gets 502. | See the packages',
      'replaced got new bytes under an old name | Upstream replaced packages in place within the last week. What was fetched before is kept, and snapshots go on serving their own. 1 package was not: a job whose snapshot lists it gets 502, unless another source has it. | See the snapshots',
      `down cannot reach its upstream since just now | ${url('down')} could not be reached: ECONNREFUSED. Jobs get what is cached; what is not cannot be fetched now. Asked again at 09:56. | ${steps}`,
      `unready cannot reach its upstream since just now | ${url('unready')} answered: 503. Jobs get nothing of it before its first snapshot. Asked again at 09:56. | ${steps}`,
      `lying gets nothing new from upstream since just now | repodata/DIGEST-primary.xml.gz cannot be had: repomd.xml names it, and in 3 tries upstream did not have it right: expected sha256:DIGEST, found sha256:DIGEST. ${keeps} Asked again at 09:56. | ${steps}`,
      `refused gets nothing new from upstream since just now | repo_gpgcheck refuses the signature of repomd.xml: it is by an unknown key: ${farm.other}; gpgkey has ${farm.own}. ${keeps} Asked again at 09:56. | ${steps}`,
      `resting is told to wait by its upstream since just now | ${url('resting')} answered: 429. ${keeps} Asked again at 10:00. | ${steps}`,
    ])
    assert.deepEqual(
      (await textsOf(page, '.farm tbody tr')).map((row) =>
        row.replace(/2026-03-17-09-5\d/, 'SNAPSHOT').replace(/ \| [\d–]+$/, ''),
      ),
      [
        'down | upstream down | SNAPSHOT | failing, again 09:56 | 2',
        'dropped | 1 lost | SNAPSHOT | just now | 1',
        'failing | jobs get errors | SNAPSHOT | just now | 1',
        'fine | SNAPSHOT | just now | 2',
        'lying | stale | SNAPSHOT | failing, again 09:56 | 2',
        'none | SNAPSHOT | just now | 0',
        'refused | stale | SNAPSHOT | failing, again 09:56 | 2',
        'replaced | 1 replaced | SNAPSHOT | just now | 1',
        'resting | told to wait | SNAPSHOT | failing, again 10:00 | 2',
        'unready | upstream down | – | failing, again 09:56 | –',
      ],
    )
    for (const [name, head, upstreams] of [
      [
        'down',
        /cannot reach its upstream .* 2 others cannot be fetched now.* It is asked again at 09:56\./,
        /Failed 3 times in a row: .*ECONNREFUSED\./,
      ],
      ['dropped', /1 lost \| 1 at risk \| fresh/, /Gave what it was asked for last\./],
      [
        'failing',
        /jobs get errors .* failing gives errors to jobs\. \| 25 of 25 requests .*pinyon usage failing/,
        /./,
      ],
      [
        'lying',
        /stale .* gets nothing new from upstream/,
        /Failed \d times in a row: .* other bytes than listed\./,
      ],
      ['none', /fresh \| Browse files/, /Looked at next at 1\d:\d\d\./],
      ['refused', /repo_gpgcheck refuses the signature/, /verified: .*, own\..* Looked at next at 09:56\./],
      ['replaced', /1 replaced \| fresh/, /./],
      [
        'resting',
        /is told to wait by its upstream .* answered: 429\. .* It is asked again at 10:00\./,
        /told to wait \| Its host wants to be left alone until 09:5\d: .* answered: 429/,
      ],
      [
        'unready',
        /upstream down \| no snapshot yet .* Jobs get nothing of it before its first snapshot\./,
        /answered: 503/,
      ],
    ] as const) {
      await page.goto(`${farm.url}/mirrors/${name}`)
      assert.match((await textsOf(page, '#head'))[0] ?? '', head)
      assert.match((await textsOf(page, '#upstreams'))[0] ?? '', upstreams)
    }
    await page.goto(`${farm.url}/mirrors/none`)
    assert.match((await textsOf(page, '#complete'))[0] ?? '', /cached \| 0 .* lost \| 0/)
    await page.goto(`${farm.url}/mirrors/dropped`)
    await page.getByRole('link', { name: 'The 1 lost' }).click()
    await t.test('and everybody can read it', async () => {
      for (const look of LOOKS.slice(0, extent({ full: LOOKS.length, slice: 1 }))) {
        const other = await open(t, farm, look)
        for (const path of ['/', '/mirrors/resting', '/mirrors/unready']) {
          await other.goto(`${farm.url}${path}`)
          assert.deepEqual(await judge(other), { violations: [], sideways: 0 }, `${path} ${look.width}`)
        }
      }
    })
    await t.test(
      'and of the configuration: where, what it may have meant, and what is in force',
      async () => {
        await page.goto(farm.url)
        await assert.rejects(
          farm.configure((text) => text.replace('retries: 0', 'retires: 0')),
          /did you mean/,
        )
        const line =
          'The configuration on disk is refused | Line 9: mirrors.down.retires: did you mean retries? What was in force before stays in force. | pinyon check-config'
        await pollUntil(page, '.att li', line)
        await farm.configure((text) =>
          text.replace('retires: 0', 'retries: 0').replace(/ {2}fine:\n(?: {4}.*\n)+/, ''),
        )
        await pollUntil(page, '#att', /^(?!.*configuration on disk)/)
        assert.equal((await textsOf(page, '.farm tbody tr')).at(-1), 'fine | removed | – | just now | – | –')
        await page.goto(`${farm.url}/mirrors/fine`)
        assert.match(
          await page.locator('.callout').innerText(),
          /is out of the configuration since 09:54\..* answered until 31 Mar\./s,
        )
      },
    )
    await t.test('until upstream is back, and somebody has it looked at', async () => {
      await farm.of('down').upstream.start()
      await page.goto(`${farm.url}/mirrors/down`)
      await page.getByRole('button', { name: 'Sync now' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('button', { name: 'Sync now' }).click()
      assert.match(await dialog.innerText(), /A token is needed/)
      await dialog.getByLabel('Token').fill('wrong-0123456789abcdef')
      await dialog.getByRole('button', { name: 'Sync now' }).click()
      await dialog.getByText('the token is none of those').waitFor()
      await dialog.getByLabel('Token').fill(TROUBLE_TOKEN)
      await dialog.getByRole('button', { name: 'Sync now' }).click()
      await page.getByText('down has nothing new.').waitFor()
      await page.locator('#head', { hasText: 'fresh' }).waitFor()
      assert.equal(await page.locator('.callout').count(), 0)
      await page.goto(`${farm.url}/mirrors/resting`)
      await page.getByRole('button', { name: 'Sync now' }).click()
      await dialog.getByRole('button', { name: 'Sync now' }).click()
      await dialog.getByText(/wants to be left alone, and is asked again in \d+ s/).waitFor()
    })
  })

  test('of too many syncs: each says how many are before it, and how far it is', async (t) => {
    const names = ['q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q7']
    const farm = await startTroubleFarm(t, { mirrors: Object.fromEntries(names.map((name) => [name, []])) })
    const holds = new Map<string, Gate>(names.map((name) => [name, gate()]))
    t.after(() => holds.forEach((one) => one.open()))
    for (const [name, hold] of holds) {
      // What two of them list alike is fetched once.
      farm.of(name).publish([{ name }])
      farm.of(name).upstream.rules = [{ match: /filelists/, hold }]
    }
    const page = await open(t, farm)
    await page.goto(farm.url)
    const syncs = names.map((name) => farm.sync(name))
    const isAt = (count: number) =>
      Promise.all(names.slice(0, count).map((name) => farm.of(name).upstream.waitFor(/filelists/)))
    await isAt(4)
    const rows = async () => (await textsOf(page, '.farm tbody tr')).map((row) => row.replaceAll(' | –', ''))
    await pollUntil(
      page,
      '.farm tbody tr',
      /^q7 \| first sync \| waits, 2 before it \| – \| waits, 2 before it/,
    )
    assert.equal(await page.locator('h1').innerText(), 'Getting the first snapshots: 0 of 7 mirrors ready')
    assert.deepEqual(
      (await rows()).slice(3, 6).map((row) => row.replace(/file \d/, 'file N')),
      [
        'q4 | first sync | file N of 3 | running',
        'q5 | first sync | waits, next | waits, next',
        'q6 | first sync | waits, 1 before it | waits, 1 before it',
      ],
    )
    assert.deepEqual(await judge(page), { violations: [], sideways: 0 })
    const own = await open(t, farm)
    await own.goto(`${farm.url}/mirrors/q7`)
    assert.match(
      (await textsOf(own, '#head'))[0] ?? '',
      /Waits, 2 before it \| .* \| First sync: waits, 2 before it$/,
    )
    holds.get('q2')?.open()
    await syncs[1]
    await farm.of('q5').upstream.waitFor(/filelists/)
    await pollUntil(own, '#head', /First sync: waits, 1 before it$/)
    await pollUntil(page, '.farm tbody tr', /^q7 .* waits, 1 before it/)
    assert.match((await rows())[1] ?? '', /^q2 \| 2026-03-17-09-52 \| just now/)
    holds.forEach((one) => one.open())
    await Promise.all(syncs)
    await pollUntil(page, 'h1', 'All 7 mirrors are fresh')
    assert.deepEqual(await textsOf(page, '#att'), [''])
  })

  test('of a beginner: no mirror, no token, and then the first one shows by itself', async (t) => {
    const farm = await startTroubleFarm(t, { mirrors: {}, hasTokens: false })
    const root = tempDir(t)
    writeSyntheticRepository(root, { packages: [{ name: 'bash' }] })
    const upstream = await startUpstream(t, root)
    const page = await open(t, farm)
    await page.clock.install({ time: farm.now() })
    await page.goto(farm.url)
    assert.equal(await page.locator('h1').innerText(), 'No mirrors yet')
    assert.match(await page.locator('#hero').innerText(), /pinyon import .*repo/)
    farm.app.startSyncing()
    await farm.configure((text) =>
      text.replace('mirrors: {}', `mirrors:\n  first: { baseurl: '${upstream.url}' }`),
    )
    await farm.sync('first')
    // By itself: nobody has it ask.
    const row = page.locator('.farm tbody tr', { hasText: '2026-03-17-09-52' })
    while ((await row.count()) === 0) await page.clock.runFor(1_000)
    assert.equal(await page.locator('h1').innerText(), 'The mirror is fresh')
    for (const path of ['/', '/mirrors/first']) {
      await page.goto(`${farm.url}${path}`)
      assert.equal(await page.locator('[data-write], #write').count(), 0, 'nothing can be written')
    }
  })

  test('of a disk: what is full says so, and what jobs get stays', async (t) => {
    const dataDir = mountSmallDisk(t)
    if (dataDir === undefined) return t.skip('no disk can be mounted')
    const farm = await startTroubleFarm(t, { mirrors: { m: [] }, dataDir })
    const [gone = '', other = ''] = farm.of('m').publish([
      { name: 'gone', content: 1_000_000 },
      { name: 'gone-too', content: 600_000 },
    ])
    await farm.sync('m')
    assert.deepEqual([await farm.get('m', gone), await farm.get('m', other)], [200, 200])
    farm.later(MINUTE_MS)
    const [big = ''] = farm.of('m').publish([{ name: 'big', content: 2_000_000 }])
    await farm.sync('m')
    const page = await open(t, farm)
    await page.goto(farm.url)
    assert.equal(await farm.get('m', big), 200)
    const line =
      /^New packages are passed through and not kept \| The cache is full of packages .* raise cache\.max_size, .* \| pinyon gc --dry-run$/
    await pollUntil(page, '.att li', line)
    assert.deepEqual(await judge(page), { violations: [], sideways: 0 })
  })

  test('of a configuration file that cannot be written: the patch and the command are left', async (t) => {
    const farm = await startTroubleFarm(t, { mirrors: { m: [] } })
    await farm.sync('m')
    const before = readFileSync(farm.file, 'utf8')
    const cover = new ReadOnlyCover(t, dirname(farm.file))
    if (!cover.isPossible()) return t.skip('nothing can be made read-only')
    cover.put()
    try {
      const page = await open(t, farm)
      await page.goto(`${farm.url}/mirrors/m/snapshots/2026-03-17-09-52`)
      await page.getByRole('button', { name: 'Pin jobs to this' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel(/^Why/).fill('CI-7')
      await dialog.getByLabel('Token').fill(TROUBLE_TOKEN)
      await dialog.getByRole('button', { name: /^Pin to/ }).click()
      await dialog.getByText(/may not change its configuration file .*: EROFS/).waitFor()
      assert.ok(await dialog.getByRole('button', { name: /^Pin to/ }).isDisabled())
      await dialog.getByRole('button', { name: 'Show the patch' }).click()
      await dialog.getByText('+    pin: 2026-03-17-09-52').waitFor()
      assert.match(await dialog.innerText(), /pinyon pin m 2026-03-17-09-52 --why 'CI-7'/)
      assert.deepEqual(await judge(page), { violations: [], sideways: 0 })
    } finally {
      cover.lift()
    }
    assert.equal(readFileSync(farm.file, 'utf8'), before)
  })
})

/** Has a page ask for news until what is seen of something reads as it should. */
async function pollUntil(page: Page, selector: string, expected: string | RegExp): Promise<void> {
  const isSeen = (text: string) => (typeof expected === 'string' ? text === expected : expected.test(text))
  let seen = await textsOf(page, selector)
  for (let tries = 0; tries < MOST_POLLS && !seen.some(isSeen); tries += 1) {
    await pollNow(page)
    seen = await textsOf(page, selector)
  }
  assert.ok(seen.some(isSeen), `expected ${expected}, seen: ${seen.join('\n')}`)
}

/** What is seen of each, its lines with a bar between. */
async function textsOf(page: Page, selector: string): Promise<string[]> {
  const texts = await page.locator(selector).allInnerTexts()
  return texts.map((text) => text.replace(/\s*[\n\t]\s*/g, ' | ').trim())
}

/** Ten mirrors, of which one is well. */
async function startSick(t: TestContext) {
  const gpg = Gpg.create(t)
  const [own, other] = [await makeKey(gpg, 'own'), await makeKey(gpg, 'other')]
  const key = join(tempDir(t), 'KEY')
  writeFileSync(key, await gpg.export([own]))
  const names = ['down', 'dropped', 'failing', 'fine', 'lying', 'none', 'refused', 'replaced', 'resting']
  const signed = ['repo_gpgcheck: true', `gpgkey: file://${key}`]
  const farm = await startTroubleFarm(t, {
    syncInterval: '8h',
    mirrors: Object.fromEntries(
      [...names, 'unready'].map((name) => [name, name === 'refused' ? signed : []]),
    ),
  })
  const { of, sync } = farm
  const sign = async (by: string) => {
    const repomd = join(of('refused').root, 'repodata/repomd.xml')
    const signature = await gpg.sign(readFileSync(repomd), { keys: [by], at: SIGNED_AT + 60 })
    writeFileSync(`${repomd}.asc`, signature)
  }
  await sign(own)
  of('none').publish([])
  of('unready').upstream.rules = [{ match: /./, status: 503 }]
  const [gone = ''] = of('dropped').publish([{ name: 'asked' }, { name: 'left' }, { name: 'stays' }])
  of('replaced').publish([{ name: 'again', content: 900 }])
  const [missing = ''] = of('failing').publish([{ name: 'missing' }])
  rmSync(join(of('failing').root, missing))
  await Promise.all(names.map((name) => sync(name)))
  const old = await (await fetch(`${farm.url}/repos/yum/dropped/latest.txt`)).text()
  farm.later(2 * MINUTE_MS)
  of('dropped').publish([{ name: 'stays' }])
  of('replaced').publish([{ name: 'again', content: 901 }])
  of('refused').publish([{ name: 'evil' }])
  await sign(other)
  of('lying').publish([{ name: 'lie' }])
  of('lying').upstream.rules = [{ match: /primary/, flipByteAt: 30 }]
  of('resting').upstream.rules = [{ match: /./, status: 429, headers: { 'Retry-After': '300' } }]
  await of('down').upstream.stop()
  farm.app.startSyncing()
  await Promise.all([...names, 'unready'].map((name) => sync(name)))
  for (let more = 0; more < 2; more += 1) await sync('down')
  assert.equal((await fetch(`${farm.url}/repos/yum/dropped/${old.trim()}/${gone}`)).status, 502)
  for (let asked = 0; asked < 25; asked += 1) await farm.get('failing', missing)
  return Object.assign(farm, { own, other })
}

async function makeKey(gpg: Gpg, owner: string): Promise<string> {
  return await gpg.generate(owner, { algorithm: 'ed25519', at: SIGNED_AT })
}
