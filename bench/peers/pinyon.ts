import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { endWithUs } from '../measure/leave-nothing.ts'
import type { Peer } from './peer.ts'
import { onCore, stop } from './start-server.ts'

const BUILD = new URL('../../src/build.mjs', import.meta.url).pathname
const MAIN = new URL('../../dist/main.js', import.meta.url).pathname

let isBuilt = false

/** What runs every command: the program as it is packed and installed, of these sources. */
export function builtMain(): string {
  if (!isBuilt) {
    const { status, stderr } = spawnSync(process.execPath, [BUILD], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`pinyon could not be built: ${stderr}`)
  }
  isBuilt = true
  return MAIN
}

/** As it is started where it is installed: what compiling gives is kept. */
export const ENVIRONMENT = {
  ...process.env,
  NODE_COMPILE_CACHE: new URL('../../node_modules/.cache/pinyon', import.meta.url).pathname,
}

const POLL_MS = 20

/** How pinyon is started. */
export interface PinyonOptions {
  readonly name: string
  /** An empty directory, or one with a `data` that it goes on with. */
  readonly dir: string
  /** Baseurl by mirror. */
  readonly mirrors: Readonly<Record<string, string>>
  /** Whose current snapshot the peer's base is; the first mirror unless told. */
  readonly mirror?: string
  /** Further keys of the configuration. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** `warn` unless told, as its peers log no requests either; the log goes to a file. */
  readonly logLevel?: string
  readonly core?: number | undefined
}

/** Starts `pinyon serve` on a free port; resolves when every mirror has a snapshot. */
export async function startPinyonPeer(options: PinyonOptions): Promise<Peer> {
  const { name, dir, logLevel = 'warn', core } = options
  const file = writePinyonConfig(dir, options)
  const log = openSync(join(dir, 'log'), 'w')
  const args = [builtMain(), 'serve', '--config', file]
  const [command = process.execPath, ...rest] = onCore(core, process.execPath, args)
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', log],
    env: { ...ENVIRONMENT, PINYON_LOG: logLevel },
  })
  endWithUs(child)
  try {
    const url = await urlOf(child)
    while ((await fetch(`${url}/readyz`)).status !== 200)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    const base = await baseOf(url, options.mirror ?? Object.keys(options.mirrors)[0] ?? '')
    return { name, url, base, pid: child.pid ?? 0, stop: () => stop(child) }
  } catch (error) {
    await stop(child)
    const said = readFileSync(join(dir, 'log'), 'utf8').slice(-2_000)
    throw new Error(`pinyon did not start: ${said}`, { cause: error })
  }
}

/** Writes a configuration, and gives its file. */
export function writePinyonConfig(dir: string, options: Pick<PinyonOptions, 'mirrors' | 'settings'>): string {
  mkdirSync(dir, { recursive: true })
  const mirrors = Object.fromEntries(
    Object.entries(options.mirrors).map(([mirror, baseurl]) => [mirror, { baseurl }]),
  )
  const file = join(dir, 'pinyon.yaml')
  const fixed = { listen: '127.0.0.1:0', data_dir: './data', workers: 1 }
  writeFileSync(file, JSON.stringify({ ...fixed, ...options.settings, mirrors }))
  return file
}

/** `/repos/yum/<mirror>/<current snapshot>`. */
export async function baseOf(url: string, mirror: string): Promise<string> {
  const reply = await fetch(`${url}/repos/yum/${mirror}/latest.txt`)
  if (reply.status !== 200) throw new Error(`${mirror} has no snapshot: ${reply.status}`)
  return `/repos/yum/${mirror}/${(await reply.text()).trim()}`
}

async function urlOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the server was started without a standard output')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = / on (http:\/\/\S+)$/.exec(line)?.[1]
    if (url === undefined) continue
    child.stdout.resume()
    return url
  }
  throw new Error('the server ended before it listened')
}
