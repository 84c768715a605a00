import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { App } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { gate, type Gate } from '../support/gate.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { writeDemoData } from './demo-data.ts'
import { DEMO_MIRRORS, DEMO_NOW, type DemoMirror } from './demo-mirrors.ts'

/** What may write, in a demonstration. */
export const DEMO_TOKEN = 'demo-0123456789abcdef'

const QUARTER_MS = 900_000
const QUARTERS = 96

/** A server that shows a farm with all that can be the matter with one. */
export interface DemoFarm {
  readonly app: App
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  readonly upstream: Upstream
  /** The configuration file. */
  readonly file: string
  /** Lets the first sync that waits for upstream go on. */
  readonly release: () => void
  /** Moves the server's clock on. */
  readonly later: (ms: number) => void
}

/** How a demonstration differs. */
export interface DemoOptions {
  readonly mirrors?: readonly DemoMirror[]
  readonly hasTokens?: boolean
  /** Whether a day of requests is made, so that there are figures. */
  readonly hasTraffic?: boolean
  /** Whether a first sync runs and waits. */
  readonly isStarting?: boolean
  readonly publicUrl?: string
  /**
   * How often pages say that mirrors are looked at: `off` unless told. A server that was told to start no syncs begins all that have an interval
   * when its configuration changes for the first time, and what they publish is nobody's who writes there.
   */
  readonly syncInterval?: string
}

/** Starts it, at the moment {@link DEMO_NOW}. */
export async function startDemoFarm(t: TestContext, options: DemoOptions = {}): Promise<DemoFarm> {
  const { mirrors = DEMO_MIRRORS, hasTokens = true } = options
  const dir = join(tempDir(t), 'config')
  const root = tempDir(t)
  mkdirSync(join(dir, 'data'), { recursive: true })
  writeSyntheticRepository(root, { packages: [{ name: 'bash' }, { name: 'podman' }] })
  const upstream = await startUpstream(t, root)
  const file = join(dir, 'pinyon.yaml')
  writeFileSync(join(dir, 'token'), `${DEMO_TOKEN}\n`)
  const pins = writeDemoData(join(dir, 'data/pinyon.db'), mirrors)
  writeFileSync(file, configText({ mirrors, pins, upstream, dir }, options, hasTokens))
  let now = DEMO_NOW - QUARTERS * QUARTER_MS
  const load = () => loadConfig(file, {})
  const app = await App.open({ config: load(), log: createSilentLogger(), loadConfig: load, now: () => now })
  t.after(() => app.close())
  const url = `http://127.0.0.1:${await app.listen()}`
  if (options.hasTraffic === true) await makeTraffic(url, (at) => (now = at))
  now = DEMO_NOW
  const held = gate()
  t.after(() => held.open())
  if (options.isStarting === true) await startFirstSync(app, upstream, held, mirrors)
  for (const { name, isDown } of mirrors) if (isDown === true) await app.sync(name)
  return { app, url, upstream, file, release: () => held.open(), later: (ms) => void (now += ms) }
}

/** Upstream stops in the middle of the first sync, as large repositories do for a while. */
async function startFirstSync(
  app: App,
  upstream: Upstream,
  held: Gate,
  mirrors: readonly DemoMirror[],
): Promise<void> {
  const fresh = mirrors.find(({ isNew }) => isNew === true)
  if (fresh === undefined) return
  upstream.rules = [{ match: /filelists/, hold: held }]
  void app.sync(fresh.name)
  await upstream.waitFor(/filelists/)
}

interface ConfigParts {
  readonly mirrors: readonly DemoMirror[]
  readonly pins: ReadonlyMap<string, string>
  readonly upstream: Upstream
  readonly dir: string
}

function configText(
  { mirrors, pins, upstream, dir }: ConfigParts,
  { publicUrl, syncInterval = 'off' }: DemoOptions,
  hasTokens: boolean,
): string {
  const entries = mirrors.map(({ name, isDown = false, why }) => {
    // Port 9 is closed everywhere.
    const baseurl = isDown ? 'http://127.0.0.1:9/' : upstream.url
    const pin = pins.get(name)
    const pinLine = pin === undefined ? '' : `    pin: ${pin} # ${why ?? ''}\n`
    return `  ${name}:\n    baseurl: ${baseurl}\n    retries: 0\n    sync_interval: ${syncInterval}\n${pinLine}`
  })
  const tokens = hasTokens ? `tokens:\n  operator: { file: token }\n` : ''
  const publicLine = publicUrl === undefined ? '' : `public_url: ${publicUrl}\n`
  const head = `listen: 127.0.0.1:0\ndata_dir: ${dir}/data\npolicy: on_demand\n`
  return `${head}${publicLine}${tokens}mirrors:\n${entries.join('')}`
}

/** A day of requests: few at night, most at ten in the morning. */
async function makeTraffic(url: string, setNow: (at: number) => void): Promise<void> {
  for (let quarter = 0; quarter < QUARTERS; quarter += 1) {
    const at = DEMO_NOW - (QUARTERS - 1 - quarter) * QUARTER_MS - 60_000
    setNow(at)
    const hour = (new Date(at).getUTCHours() + new Date(at).getUTCMinutes() / 60 + 24 - 10) % 24
    const wave = Math.cos((hour / 24) * 2 * Math.PI)
    const requests = 6 + Math.round(5 * wave) + (hour > 15.6 && hour < 16.6 ? 6 : 0)
    for (let number = 0; number < requests; number += 1) {
      const answer = await fetch(`${url}/repos/yum/all_latest.json`)
      await answer.arrayBuffer()
    }
  }
}
