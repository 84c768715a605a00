import type { Socket } from 'node:net'

import type { PinyonError } from '../../model/errors.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { Snapshot } from '../../snapshot/store.ts'
import type { EndedRequest } from '../ended-request.ts'
import type { PreparedAnswer } from './prepared-answers.ts'
import type { SimpleHeaders } from './request-head.ts'

/** What is known of the hit that a connection answers, or has answered last: the next one is written over it, for a new object each would be garbage. */
export class HitRecord implements EndedRequest {
  readonly count = 1
  readonly note = undefined
  readonly connection: Socket
  /** Whom it came from: of a trusted proxy's each may be another's. */
  client: string | undefined
  target = ''
  id: string | undefined
  /** Whether a line of the log is to tell of it when it has gone well. */
  isLogged = false
  startedAt = 0
  headAt: number | undefined
  endedAt = 0
  outcome: Outcome | undefined
  snapshot: Snapshot | undefined
  packageName: string | undefined
  error: PinyonError | undefined
  bytes = 0
  headers: SimpleHeaders | undefined
  answer: PreparedAnswer | undefined
  /** Who asks, as the log has it; made when it is needed. */
  speaker: string | undefined

  constructor(connection: Socket) {
    this.connection = connection
    this.client = connection.remoteAddress
  }

  get method(): string {
    return this.answer?.method ?? 'GET'
  }

  get status(): number {
    return this.answer?.status ?? 200
  }

  get userAgent(): string | undefined {
    return this.headers?.userAgent
  }
}
