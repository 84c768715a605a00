import { parentPort } from 'node:worker_threads'

import { runInjection, type InjectionJob } from '../../../src/proxy/inject/injection-job.ts'

// A thread that does what its job is called, for inject-runner.test.ts.

const FAULTS: Readonly<Record<string, () => void>> = {
  loop: () => {
    for (;;);
  },
  memory: () => {
    const held: number[][] = []
    for (;;) held.push(Array.from({ length: 100_000 }, (_, index) => index))
  },
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('a fault')
  },
}

parentPort?.on('message', (job: InjectionJob) => {
  FAULTS[job.settings.name]?.()
  parentPort?.postMessage({ result: runInjection(job) })
})
