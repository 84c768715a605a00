import { parentPort } from 'node:worker_threads'

import { toPinyonError } from '../../model/errors.ts'
import type { InjectMessage } from './inject-runner.ts'
import { runInjection, type InjectionJob } from './injection-job.ts'

// A thread that injects into large configurations, one after the other, so that they hold up no request. See inject-runner.ts.

const post = (message: InjectMessage, transfer: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, transfer)

parentPort?.on('message', (job: InjectionJob) => {
  try {
    const { body, ...counts } = runInjection(job)
    // Of its own, to be handed over: what it may be a part of stays here.
    const own = new Uint8Array(body)
    post({ result: { ...counts, body: own } }, [own.buffer])
  } catch (error) {
    const { code, message, facts } = toPinyonError(error)
    post({ failure: { code, message, facts } })
  }
})
