import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

import { tempDir } from './temp-dir.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** A server in a process of its own, as `pinyon serve` runs it. */
export interface StartedServer {
  readonly process: ChildProcess
  readonly url: string
  readonly configFile: string
  readonly dataDir: string
  /** Its memory now and at its peak, in bytes. */
  memory(): { rss: number; peakRss: number }
  /** Kills it at once and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** How to start it. */
export interface StartServerOptions {
  /** The configuration's `mirrors:` as YAML can hold JSON. */
  readonly mirrors?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** The whole configuration instead; its data_dir must be `./data` and its port 0. */
  readonly text?: string
  /** The program; that of the source tree unless told. */
  readonly main?: string
  /** Whether its mirrors are synced before it starts, without a process of their own. */
  readonly synced?: boolean
  /** An existing directory to start on again. */
  readonly dir?: string
  /** Told of what it says on standard error, the test's own unless told. */
  readonly onError?: (text: string) => void
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `pinyon serve` on a free port; resolves when it listens. */
export async function startServer(t: TestContext, options: StartServerOptions): Promise<StartedServer> {
  const dir = options.dir ?? tempDir(t)
  const configFile = join(dir, 'pinyon.yaml')
  const dataDir = join(dir, 'data')
  const { mirrors = {} } = options
  const config = { listen: '127.0.0.1:0', data_dir: './data', sync_interval: 'off', workers: 1, mirrors }
  writeFileSync(configFile, options.text ?? JSON.stringify(config))
  if (options.synced === true) {
    // Only here: it loads a whole server into this process.
    const { syncHere } = await import('./sync-here.ts')
    await syncHere(configFile)
  }
  const child = spawn(process.execPath, [options.main ?? MAIN, 'serve', '--config', configFile], {
    stdio: ['ignore', 'pipe', options.onError === undefined ? 'inherit' : 'pipe'],
    env: { ...process.env, PINYON_LOG: 'silent', ...options.env },
  })
  const { onError } = options
  if (onError !== undefined) child.stderr?.on('data', (chunk: Buffer) => onError(chunk.toString()))
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const url = await readUrl(child)
  return {
    process: child,
    url,
    configFile,
    dataDir,
    memory: () => readMemory(child.pid ?? 0),
    kill: async (signal = 'SIGKILL') => {
      child.kill(signal)
      await exited
    },
  }
}

/** The URL is in the first line of what `serve` prints. */
async function readUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the server was started without a standard output')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = / on (http:\/\/\S+)$/.exec(line)?.[1]
    if (url !== undefined) {
      child.stdout.resume()
      return url
    }
  }
  throw new Error('the server ended before it listened')
}

function readMemory(pid: number): { rss: number; peakRss: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024
  return { rss: read('VmRSS'), peakRss: read('VmHWM') }
}
