import { PinyonError } from '../model/errors.ts'
import { parseViewTarget } from '../proxy/views.ts'
import type { ViewStore } from '../snapshot/views/views.ts'
import { refuseForeignPage } from './foreign-page.ts'
import { outcomeHeaders, type Exchange } from './exchange.ts'

/**
 * Answers what is neither GET nor HEAD: DELETE ends a view, and there may be none, so that it can be repeated.
 * @throws PinyonError METHOD_REFUSED for everything else, with what is allowed there; FORBIDDEN for a page of somebody else
 */
export async function answerOtherMethod(exchange: Exchange, views: ViewStore): Promise<void> {
  const { method, url = '/' } = exchange.request
  const view = parseViewTarget(url)
  if (view === undefined) throw new PinyonError('METHOD_REFUSED', `method refused: ${method}`)
  if (method !== 'DELETE')
    throw new PinyonError('METHOD_REFUSED', `method refused: ${method}`, { allow: 'GET, HEAD, DELETE' })
  refuseForeignPage(exchange.request)
  await views.end(view.name)
  exchange.response.writeHead(204, { 'Cache-Control': 'no-store', ...outcomeHeaders(exchange, 'hit') })
  exchange.response.end()
}
