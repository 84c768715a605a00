import { createJsonReply } from './api-reply.ts'
import type { TextReply } from './reply.ts'

/** What a pin is told from: a mirror as any list has it. */
interface PinState {
  readonly name: string
  readonly current: { readonly name: string } | undefined
  readonly pinned: boolean
  readonly pinWhy: string | undefined
}

/**
 * `GET /api/v1/mirrors/<m>/pin`: what jobs get, and whether because the configuration says so. Its ETag is what `If-Match` of the writes
 * there is compared with, so that who pins, unpins or rolls back has seen what they change.
 */
export function describePin({ name, current, pinned, pinWhy }: PinState): TextReply {
  return createJsonReply({ mirror: name, current: current?.name ?? null, pinned, why: pinWhy ?? null })
}
