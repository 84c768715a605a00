import type { Body } from '../../proxy/body.ts'
import type { Content } from '../../proxy/content.ts'
import type { FileReply } from '../../proxy/reply.ts'
import { evaluateConditions, rangeApplies } from '../conditions.ts'
import { parseRange, type ByteRange } from '../range.ts'
import type { PreparedAnswer, PreparedAnswers } from './prepared-answers.ts'
import type { SimpleConditions, SimpleRequest } from './request-head.ts'

/** What a request is answered with, at once. */
export interface FastAnswer {
  readonly prepared: PreparedAnswer
  /** Of a GET; its holder releases it. */
  readonly body: Body | undefined
  /** The part of it that was asked for. */
  readonly range: ByteRange | undefined
}

/** What answers are made of. */
export interface AnswerSources {
  readonly answers: PreparedAnswers
  readonly content: Pick<Content, 'peek'>
}

/** The answer to a simple request for a file; undefined where it takes more than looking at what is warm. Decides as `sendFile` does. */
export function findAnswer(
  { method, target, headers: { conditions } }: SimpleRequest,
  file: FileReply,
  { answers, content }: AnswerSources,
): FastAnswer | undefined {
  if (conditions !== undefined && isNotModified(conditions, file)) {
    const kind = method === 'GET' ? 'notModified' : 'headNotModified'
    return { prepared: answers.answer(kind, target, file, 0), body: undefined, range: undefined }
  }
  if (method === 'HEAD') {
    if (file.size === undefined) return undefined
    return { prepared: answers.answer('head', target, file, file.size), body: undefined, range: undefined }
  }
  const body = content.peek(file)
  if (body?.size === undefined) return undefined
  if (conditions?.range === undefined || !rangeApplies(conditions, file))
    return { prepared: answers.answer('whole', target, file, body.size), body, range: undefined }
  const ranges = parseRange(conditions.range, body.size)
  if (ranges === undefined)
    return { prepared: answers.answer('whole', target, file, body.size), body, range: undefined }
  const [range, ...others] = ranges
  if (range !== undefined && others.length === 0)
    return { prepared: answers.answer('part', target, file, body.size), body, range }
  // Several, or none that is there.
  body.release()
  return undefined
}

function isNotModified(conditions: SimpleConditions, file: FileReply): boolean {
  const etag = conditions['if-none-match']
  // It is one, and strong.
  if (etag !== undefined) return etag === file.etag
  return evaluateConditions(conditions, file) === 'not_modified'
}
