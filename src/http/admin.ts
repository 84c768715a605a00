import { PinyonError } from '../model/errors.ts'
import { createTextReply } from '../proxy/reply.ts'
import { parseRequestTarget } from '../proxy/request-target.ts'
import type { GcReport } from '../snapshot/gc-report.ts'
import type { SyncBoard } from '../snapshot/sync-board.ts'
import type { SyncResult } from '../snapshot/sync.ts'
import { outcomeHeaders, type Exchange } from './exchange.ts'
import { route, type RouteContext } from './routes.ts'
import { sendText } from './send-text.ts'
import type { Handler } from './server.ts'

/** What the admin socket can have done. */
export interface AdminActions {
  readonly sync: (mirror: string) => Promise<SyncResult>
  /** Reads the configuration anew; throws when it is refused. */
  readonly reload: () => Promise<void>
  /** Collects what is not needed any more, or only tells what would go. */
  readonly collect: (options: { readonly dryRun: boolean }) => Promise<GcReport>
  readonly board: SyncBoard
}

/** A line of the answer to `POST /api/v1/mirrors/<m>/sync`: progress while it runs, then one result. */
export type SyncLine =
  | {
      readonly progress: {
        step: string
        filesDone: number
        filesTotal: number
        bytes: number
        packages: number
      }
    }
  | { readonly result: SyncSummary }

/** How a sync ended, as the API tells it. */
export interface SyncSummary {
  readonly mirror: string
  readonly outcome: SyncResult['outcome']
  readonly snapshot?: string
  readonly packages?: number
  readonly added?: number
  readonly removed?: number
  /** Packages with the same name and version as before, and other bytes. */
  readonly replaced?: number
  readonly error?: string
}

/** The admin socket's handler: everything the TCP side answers, and writes, since the socket's mode is the guard. */
export function createAdminHandler(context: RouteContext, actions: AdminActions): Handler {
  return async (exchange) => {
    const { method, url = '/' } = exchange.request
    if (method !== 'POST') return await route(exchange, context)
    const [api, version, resource, mirror, action, ...rest] = parseRequestTarget(url).segments
    if (api === 'api' && version === 'v1' && rest.length === 0) {
      if (resource === 'reload' && mirror === undefined) return await sendReload(exchange, actions)
      if (resource === 'gc' && mirror === undefined) {
        const report = await actions.collect({ dryRun: /[?&]dry_run=1(&|$)/.test(url) })
        return sendText(exchange, createTextReply('application/json', `${JSON.stringify(report)}\n`))
      }
      if (resource === 'mirrors' && mirror !== undefined && action === 'sync')
        return await sendSync(exchange, mirror, actions)
    }
    throw new PinyonError('NOT_FOUND', `nothing can be posted to: ${url}`)
  }
}

/** Answers when the configuration on disk runs; a refused one is the error's message, with file and line. */
async function sendReload(exchange: Exchange, actions: AdminActions): Promise<void> {
  await actions.reload()
  sendText(exchange, createTextReply('application/json', '{"reloaded":true}\n'))
}

/** Streams a sync's progress as lines of JSON, so that whoever waits sees that something happens. */
async function sendSync(exchange: Exchange, mirror: string, actions: AdminActions): Promise<void> {
  const { response } = exchange
  const write = (line: SyncLine) => void response.write(`${JSON.stringify(line)}\n`)
  let begun = false
  const begin = () => {
    if (begun) return
    begun = true
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', ...outcomeHeaders(exchange, 'hit') })
  }
  const stop = actions.board.listen(mirror, (progress) => {
    if (progress === undefined) return
    begin()
    const { mirror: _, ...rest } = progress
    write({ progress: rest })
  })
  try {
    const result = await actions.sync(mirror)
    begin()
    write({ result: summarizeSync(result) })
    response.end()
  } finally {
    stop()
  }
}

/** A sync's result in the API's words. */
export function summarizeSync(result: SyncResult): SyncSummary {
  const { mirror, outcome } = result
  if (result.outcome === 'failed') return { mirror, outcome, error: result.error.message }
  const { name: snapshot, packageCount: packages } = result.snapshot
  if (result.outcome === 'unchanged') return { mirror, outcome, snapshot, packages }
  const { added, removed, replaced } = result
  return { mirror, outcome, snapshot, packages, added, removed, replaced }
}
