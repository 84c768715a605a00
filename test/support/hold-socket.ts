import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

import { SYSTEM_PYTHON } from './tools.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const HOLDER = new URL('socket-holder.py', import.meta.url).pathname

/** A server whose socket another process holds, as systemd does. */
export interface HeldServer {
  readonly port: number
  readonly url: string
  /** Of the server that runs now. */
  readonly pid: number
  /** Resolves with the pid before when another process has been started, which need not listen yet. */
  readonly restart: () => Promise<number>
}

/** Starts `pinyon serve` with a configuration on a socket that is handed over to it, until the test ends. Needs python3. */
export async function holdSocket(t: TestContext, configFile: string): Promise<HeldServer> {
  const holder = spawn(SYSTEM_PYTHON, [HOLDER, process.execPath, MAIN, 'serve', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, PINYON_LOG: 'silent' },
  })
  const ended = once(holder, 'exit')
  t.after(async () => {
    holder.kill('SIGTERM')
    await ended
  })
  const lines = createInterface({ input: holder.stdout })[Symbol.asyncIterator]()
  const readNumber = async () => {
    const { value, done } = await lines.next()
    assert.notEqual(done, true, 'the server has ended')
    return Number(value)
  }
  const port = await readNumber()
  let pid = await readNumber()
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get pid() {
      return pid
    },
    restart: async () => {
      holder.kill('SIGHUP')
      const before = pid
      pid = await readNumber()
      assert.notEqual(pid, before)
      return before
    },
  }
}
