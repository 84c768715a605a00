import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import type { Peer } from './peer.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** As `npm start` has it. */
const SERVER_FLAGS = ['--max-semi-space-size=4']

/** How pinyon is started. */
export interface PinyonOptions {
  readonly name: string
  /** An empty directory. */
  readonly dir: string
  /** Baseurl by mirror. */
  readonly mirrors: Readonly<Record<string, string>>
  /** Further keys of the configuration. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** `warn` unless told, as its peers log no requests either; the log goes to a file. */
  readonly logLevel?: string
}

/** Starts `pinyon serve` on a free port; resolves when every mirror has a snapshot. */
export async function startPinyonPeer(options: PinyonOptions): Promise<Peer> {
  const { name, dir, logLevel = 'warn' } = options
  mkdirSync(dir, { recursive: true })
  const mirrors = Object.fromEntries(
    Object.entries(options.mirrors).map(([mirror, baseurl]) => [mirror, { baseurl }]),
  )
  const file = join(dir, 'pinyon.yaml')
  writeFileSync(
    file,
    JSON.stringify({ listen: '127.0.0.1:0', data_dir: './data', ...options.settings, mirrors }),
  )
  const log = openSync(join(dir, 'log'), 'w')
  const child = spawn(process.execPath, [...SERVER_FLAGS, MAIN, 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', log],
    env: { ...process.env, PINYON_LOG: logLevel },
  })
  const url = await urlOf(child)
  while ((await fetch(`${url}/readyz`)).status !== 200)
    await new Promise((resolve) => setTimeout(resolve, 50))
  return { name, url, pid: child.pid ?? 0, stop: () => stop(child) }
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

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
