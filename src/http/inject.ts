import { PinyonError } from '../model/errors.ts'
import { answerInject, type InjectReply, type InjectSource } from '../proxy/inject/answer-inject.ts'
import { parseInjectQuery } from '../proxy/inject/inject-query.ts'
import { queryOf } from '../proxy/request-target.ts'
import { outcomeHeaders, type Exchange } from './exchange.ts'
import { LARGEST_BODY_BYTES, readBody, type BodyMemory } from './request-body.ts'

/** What `POST /repos/inject` is answered from. */
export interface InjectContext extends InjectSource {
  readonly memory: BodyMemory
}

/** Mirrors named in a header, of which some clients take no more than 8 KiB. */
const MAX_NAMED = 32

/** Whether a path is that of the injection. */
export function isInjectPath(segments: readonly string[] = []): boolean {
  return segments.length === 2 && segments[0] === 'repos' && segments[1] === 'inject'
}

/**
 * Answers a configuration with the same one, its mirrors put in. What can be refused without the body is refused first.
 * @param asked what URLs begin with, and the address of who asks
 * @throws PinyonError
 */
export async function sendInjection(
  exchange: Exchange,
  context: InjectContext,
  asked: { readonly base: () => string; readonly client: string },
): Promise<void> {
  const { request } = exchange
  exchange.errorFormat = 'problem'
  if (request.method !== 'POST')
    throw new PinyonError('METHOD_REFUSED', `method refused: ${request.method}`, { allow: 'POST' })
  const coding = request.headers['content-encoding']
  // `identity` is what no coding is called.
  if (coding !== undefined && !/^identity$/i.test(coding))
    throw new PinyonError(
      'CODING_REFUSED',
      `expected a body as it is, found one with a content coding: ${coding.slice(0, 80)}`,
    )
  const query = parseInjectQuery(queryOf(request.url ?? ''))
  const base = asked.base()
  const take = context.memory.lend(exchange)
  const bytes = await readBody(request, { maxBytes: LARGEST_BODY_BYTES, take })
  const reply = await answerInject(context, { ...query, bytes, base, client: asked.client, take })
  send(exchange, reply)
}

function send(exchange: Exchange, { body, generation, injected, unmatched, elsewhere }: InjectReply): void {
  exchange.note = { generation, injected, unmatched }
  exchange.response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Pinyon-Generation': String(generation),
    'X-Pinyon-Injected': String(injected),
    'X-Pinyon-Unmatched': String(unmatched),
    ...(elsewhere.length === 0 ? {} : { 'X-Pinyon-Elsewhere': elsewhere.slice(0, MAX_NAMED).join(', ') }),
    ...outcomeHeaders(exchange, 'hit'),
  })
  exchange.finalBytes = body.length
  exchange.response.end(body)
}
