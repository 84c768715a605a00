import { parentPort } from 'node:worker_threads'

import { toPinyonError } from '../../model/errors.ts'
import { judgeKeys, renewKeys } from '../../signature/judge-keys.ts'
import type { WorkerMessage } from '../worker-job.ts'
import { threadData } from '../worker-thread.ts'
import type { JudgeRequest, RenewedKeys } from './judge.ts'

// A thread that reads files of keys: a hostile one may take seconds and much memory. See judge.ts.

const { bytes, before, nowMs } = threadData() as JudgeRequest
const post = (message: WorkerMessage<RenewedKeys, never>) => parentPort?.postMessage(message)

try {
  const given = Buffer.from(bytes)
  const result =
    before === undefined
      ? { ...(await judgeKeys(given, nowMs)), strangers: [] }
      : await renewKeys(Buffer.from(before), given, nowMs)
  post({ result })
} catch (error) {
  const { code, message } = toPinyonError(error)
  post({ failure: { code, message, facts: {} } })
}
