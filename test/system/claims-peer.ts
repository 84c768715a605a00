import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

const CHILD = new URL('claims-child.ts', import.meta.url).pathname

/** Another process with claims on the same directory. */
export interface ClaimsPeer {
  readonly processId: string
  /** Sends a command of claims-child.ts and gives its answer. */
  ask(...command: readonly string[]): Promise<string>
  kill(): Promise<void>
  /** Ends it in good order. */
  end(): Promise<void>
}

/** Starts one and waits until it lives; it is killed when the test ends. */
export async function startClaimsPeer(t: TestContext, directory: string): Promise<ClaimsPeer> {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  t.after(kill)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('a process that makes claims ended early')
    return value
  }
  return {
    processId: await next(),
    ask: (...command) => {
      child.stdin.write(`${command.join(' ')}\n`)
      return next()
    },
    kill,
    end: async () => {
      child.stdin.end()
      await exited
    },
  }
}
