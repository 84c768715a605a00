import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply } from './api-reply.ts'
import type { TextReply } from './reply.ts'

/** Answers `workers`. */
export async function answerWorkers(
  { workers }: ApiContext,
  { rest }: ApiRequest,
): Promise<TextReply | undefined> {
  return rest.length > 0 ? undefined : createJsonReply(workers())
}
