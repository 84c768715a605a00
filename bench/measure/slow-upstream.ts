import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

import { endWithUs } from './leave-nothing.ts'
import { stop } from '../peers/start-server.ts'

/** How one port of a slow upstream answers. */
export interface SlowPort {
  /** Before an answer begins; and once more for the first one of a connection, which loopback opens at once. */
  readonly latencyMs: number
  /** Whether connections go on after an answer. */
  readonly keepsAlive: boolean
  /** Of one answer's body; undefined for as fast as it can. */
  readonly bytesPerSecond?: number
}

/** What was asked of a path, over all ports. */
export interface PathCount {
  readonly requests: number
  /** Of bodies. */
  readonly bytes: number
}

/** An upstream that is as far away as it is told, in a process of its own. */
export interface SlowUpstream {
  /** By port, in their order; no trailing slash. */
  readonly urls: readonly string[]
  /** By path, since the start. */
  counts(): Promise<Readonly<Record<string, PathCount>>>
  stop(): Promise<void>
}

const PROGRAM = new URL('slow-upstream-process.ts', import.meta.url)

/** Starts one that serves the files below `root`. */
export async function startSlowUpstream(root: string, ports: readonly SlowPort[]): Promise<SlowUpstream> {
  const child = fork(PROGRAM, [root, JSON.stringify(ports)], { stdio: 'inherit' })
  endWithUs(child)
  const urls = await receive<string[]>(child)
  const counts = async () => {
    const received = receive<Record<string, PathCount>>(child)
    child.send('counts')
    return await received
  }
  return { urls, counts, stop: () => stop(child) }
}

async function receive<T>(child: ChildProcess): Promise<T> {
  const settled = new AbortController()
  const { signal } = settled
  const died = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`the slow upstream ended with ${code}`)
  })
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal }), died])) as [T]
    return message
  } finally {
    died.catch(() => undefined)
    settled.abort()
  }
}
