import type { Body } from '../../proxy/body.ts'
import type { Content } from '../../proxy/content.ts'
import type { FileReply } from '../../proxy/reply.ts'
import type { RollingReply } from '../../proxy/rolling-replies.ts'
import { isRange, planRanges, type BodyPlan } from '../body-plan.ts'
import { evaluateConditions, rangeApplies, type Validator } from '../conditions.ts'
import { parseRange } from '../range.ts'
import type { PreparedAnswer, PreparedAnswers } from './prepared-answers.ts'
import type { SimpleConditions, SimpleRequest } from './request-head.ts'

/** What a request is answered with, at once. */
export interface FastAnswer {
  readonly prepared: PreparedAnswer
  /** Of a file that is asked for by GET; its holder releases it. */
  readonly body: Body | undefined
  /** What is sent behind the head, where that is in memory; of a file the whole. Undefined for nothing, and for what is read. */
  readonly bytes: Buffer | undefined
  /** Of the part of it that was asked for, or of several. */
  readonly plan: BodyPlan | undefined
}

/** What answers are made of. */
export interface AnswerSources {
  readonly answers: PreparedAnswers
  readonly content: Pick<Content, 'peek'>
}

/** What has no body of a file. */
const WITHOUT = { body: undefined, bytes: undefined, plan: undefined }

/** The answer to a simple request for a file or a text; undefined where it takes more than looking at what is warm. Decides as `sendFile` and `sendText` do. */
export function findAnswer(
  { method, target, headers: { conditions } }: SimpleRequest,
  reply: RollingReply,
  { answers, content }: AnswerSources,
): FastAnswer | undefined {
  if (conditions !== undefined && isNotModified(conditions, toValidator(reply))) {
    const kind = method === 'GET' ? 'notModified' : 'headNotModified'
    return { ...WITHOUT, prepared: answers.answer(kind, target, reply, 0) }
  }
  if (reply.kind === 'text') {
    const { length } = reply.body
    if (method === 'HEAD') return { ...WITHOUT, prepared: answers.answer('head', target, reply, length) }
    return { ...WITHOUT, prepared: answers.answer('whole', target, reply, length), bytes: reply.body }
  }
  if (method === 'HEAD') {
    if (reply.size === undefined || !isGivenOut(reply, content)) return undefined
    return { ...WITHOUT, prepared: answers.answer('head', target, reply, reply.size) }
  }
  const body = content.peek(reply)
  if (body?.size === undefined) return undefined
  const { size, bytes } = body
  const ranges =
    conditions?.range === undefined || !rangeApplies(conditions, reply)
      ? undefined
      : parseRange(conditions.range, size)
  if (ranges === undefined)
    return { prepared: answers.answer('whole', target, reply, size), body, bytes, plan: undefined }
  if (ranges.length > 0) {
    const plan = planRanges(ranges, size, reply.contentType)
    return { prepared: answers.answer('part', target, reply, size), body, bytes, plan }
  }
  // None that is there.
  body.release()
  return undefined
}

/** Whether a GET would not be refused, as one of a package that is not warm may be. */
function isGivenOut(file: FileReply, content: AnswerSources['content']): boolean {
  if (file.fileKind !== 'package') return true
  const body = content.peek(file)
  body?.release()
  return body !== undefined
}

const NOTHING = Buffer.alloc(0)

/** What is sent behind the head of an answer that is in memory: of a file the part that was asked for, which is one piece. */
export function bytesOf({ bytes = NOTHING, plan }: FastAnswer): Buffer {
  const range = plan?.pieces[0]
  return range !== undefined && isRange(range) ? bytes.subarray(range.start, range.end + 1) : bytes
}

/** Whether answering a request is so much work that others are to be answered before it: it may name hundreds of ranges. */
export function isMuchWork({ headers: { conditions } }: SimpleRequest): boolean {
  return conditions?.range?.includes(',') === true
}

function toValidator(reply: RollingReply): Validator {
  return reply.kind === 'file' ? reply : { etag: reply.etag, lastModifiedMs: undefined }
}

function isNotModified(conditions: SimpleConditions, validator: Validator): boolean {
  const etag = conditions['if-none-match']
  // It is one, and strong.
  if (etag !== undefined) return etag === validator.etag
  return evaluateConditions(conditions, validator) === 'not_modified'
}
