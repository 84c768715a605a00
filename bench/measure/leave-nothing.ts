import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'

/** What is done as this process ends: one listener for all of it. */
const leftToTheEnd = new Set<() => void>()

process.once('exit', () => {
  for (const end of leftToTheEnd) end()
})

/** Ends this process as a signal asks it to, but by way of `exit`, so that what was left to that is done. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
}

/** Ends a child process with this one, however that ends. */
export function endWithUs(child: ChildProcess): void {
  const kill = () => void child.kill('SIGTERM')
  leftToTheEnd.add(kill)
  child.once('exit', () => leftToTheEnd.delete(kill))
}

/** Removes a directory with the end of this process, if it is still there. */
export function removeWithUs(dir: string): void {
  leftToTheEnd.add(() => rmSync(dir, { recursive: true, force: true, maxRetries: 3 }))
}
