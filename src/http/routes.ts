import { PinyonError } from '../model/errors.ts'
import { toPlainAddress } from '../model/network.ts'
import { answerApi } from '../proxy/api.ts'
import type { ApiContext, ConfigurationState } from '../proxy/api-context.ts'
import type { Content } from '../proxy/content.ts'
import { publicBase, publicPath } from '../proxy/public-base.ts'
import type { Resolver } from '../proxy/resolver.ts'
import { formatClientScript } from '../proxy/client-script.ts'
import { createTextReply } from '../proxy/reply.ts'
import { findSegments, parseRequestTarget, queryOf } from '../proxy/request-target.ts'
import type { Dashboard } from '../dashboard/dashboard.ts'
import type { DiffRunner } from '../snapshot/diff/diff-runner.ts'
import { askedHost } from './asked-host.ts'
import type { Exchange } from './exchange.ts'
import { refuseForeignPage } from './foreign-page.ts'
import { isInjectPath, sendInjection, type InjectContext } from './inject.ts'
import { answerOtherMethod } from './other-methods.ts'
import { sendFile } from './send-file.ts'
import { readTheme, sendAsset, sendPage } from './send-page.ts'
import { sendRedirect, sendText } from './send-text.ts'

/** What requests are answered from. */
export interface RouteContext {
  readonly resolver: Resolver
  readonly content: Content
  readonly snapshots: ApiContext['snapshots']
  readonly usage: ApiContext['usage']
  readonly diff: DiffRunner['diff']
  readonly prefetch: ApiContext['prefetch']
  readonly inject: InjectContext
  /** The slave's script, as it lies in the source tree. */
  readonly clientScript: () => Promise<string>
  readonly publicUrl: () => string | undefined
  /** Addresses of clients as those who ask here may see them. */
  readonly showClient: ApiContext['showClient']
  /** Whether the configuration on disk is the running one. */
  readonly configuration: () => ConfigurationState
  readonly cache: ApiContext['cache']
  readonly soleBytes: ApiContext['soleBytes']
  readonly gpgKeys: ApiContext['gpgKeys']
  readonly sourcesOf: ApiContext['sourcesOf']
  readonly paths: ApiContext['paths']
  readonly listOf: ApiContext['listOf']
  readonly identityProblemOf: ApiContext['identityProblemOf']
  readonly intervalOf: ApiContext['intervalOf']
  readonly syncOf: ApiContext['syncOf']
  readonly retention: ApiContext['retention']
  readonly traffic: ApiContext['traffic']
  readonly workers: ApiContext['workers']
  readonly now: ApiContext['now']
  /** Pages for people and what they refer to, which are loaded when they are first asked for. */
  readonly dashboard: () => Promise<Dashboard>
  /** Prometheus' text format, and its type. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
  /** Enabled mirrors that have no snapshot yet. */
  readonly unready: () => Promise<readonly string[]>
}

/** Answers one request. Throws PinyonError; what else is thrown is our own trouble. */
export async function route(exchange: Exchange, context: RouteContext): Promise<void> {
  const { request } = exchange
  const target = request.url ?? '/'
  // Of whatever is asked for: who has sent two may mean another one than who is in front (RFC 9112, section 3.2).
  const host = askedHost(request)
  if (request.method !== 'GET' && request.method !== 'HEAD' && !isInjectPath(findSegments(target)))
    return await answerOtherMethod(exchange, context.snapshots.views)
  // Many ranges are work before there is anything to wait for.
  if (request.headers.range?.includes(',') === true) await context.content.turns.take()
  // The path of a repeated hit: one look-up in memory, then the bytes.
  const known = context.resolver.peek(target)
  if (known?.kind === 'file') return await sendFile(exchange, known, context.content)
  if (known !== undefined) return sendText(exchange, known)
  const { segments } = parseRequestTarget(target)
  if (segments[0] !== 'repos') return await routeOther(exchange, context, segments)
  if (segments[1] === 'views' || isInjectPath(segments)) refuseForeignPage(request)
  const base = () => publicBase(context.publicUrl(), host)
  const client = clientAddress(exchange)
  if (isInjectPath(segments)) return await sendInjection(exchange, context.inject, { base, client })
  const reply = await context.resolver.resolve(target, base, client)
  if (reply.kind === 'file') await sendFile(exchange, reply, context.content)
  else if (reply.kind === 'redirect') sendRedirect(exchange, publicPath(context.publicUrl()) + reply.location)
  else sendText(exchange, reply)
}

async function routeOther(
  exchange: Exchange,
  context: RouteContext,
  segments: readonly string[],
): Promise<void> {
  const [first, second, ...rest] = segments
  const text = (body: string) => sendText(exchange, createTextReply('text/plain; charset=utf-8', body))
  if (first === 'healthz' && second === undefined) return text('ok\n')
  if (first === 'readyz' && second === undefined) {
    const unready = await context.unready()
    if (unready.length > 0) throw new PinyonError('NOT_READY', `no snapshot yet of: ${unready.join(' ')}`)
    return text('ready\n')
  }
  if (first === 'metrics' && second === undefined) {
    const { contentType, text: figures } = await context.metrics()
    return sendText(exchange, createTextReply(contentType, figures))
  }
  if (first === 'client.sh' && second === undefined) {
    const base = publicBase(context.publicUrl(), askedHost(exchange.request))
    const script = formatClientScript(await context.clientScript(), base)
    return sendText(exchange, createTextReply('text/x-shellscript', script))
  }
  if (first === 'api' && second === 'v1')
    return sendText(
      exchange,
      await answerApi(apiContext(exchange, context), rest, queryOf(exchange.request.url ?? '')),
    )
  return await routePage(exchange, context, segments)
}

/** Pages for people, and what they refer to. */
async function routePage(
  exchange: Exchange,
  { dashboard: load, publicUrl }: RouteContext,
  path: readonly string[],
): Promise<void> {
  const dashboard = await load()
  const { url = '/', headers } = exchange.request
  const asset = path[0] === 'assets' ? dashboard.asset(`/${path.join('/')}`) : undefined
  if (asset !== undefined) return sendAsset(exchange, asset)
  const isFile = path.length === 1 && path[0] === 'setup.repo'
  if (!isFile && !dashboard.has(path))
    throw new PinyonError('NOT_FOUND', `there is nothing at: /${path.join('/')}`)
  const base = publicBase(publicUrl(), headers.host)
  if (isFile) return sendText(exchange, await dashboard.setupRepo(queryOf(url), base))
  const [query, prefix, theme] = [queryOf(url), publicPath(publicUrl()), readTheme(headers.cookie)]
  await sendPage(exchange, dashboard, { path, query, base, prefix, theme }, clientAddress(exchange))
}

function apiContext(exchange: Exchange, context: RouteContext): ApiContext {
  const { snapshots, usage, configuration, cache, soleBytes, gpgKeys, sourcesOf, identityProblemOf } = context
  const { paths, listOf, showClient, diff, prefetch } = context
  const { intervalOf, syncOf, retention, traffic, workers, now } = context
  return {
    intervalOf,
    syncOf,
    retention,
    traffic,
    workers,
    now,
    snapshots,
    usage,
    configuration: configuration(),
    cache,
    soleBytes,
    gpgKeys,
    sourcesOf,
    paths,
    listOf,
    identityProblemOf,
    showClient,
    prefetch,
    diff: (pair) => diff(pair, goneSignal(exchange)),
  }
}

/** Says when whoever asks has gone. Who shuts its side down most likely has, and what is asked for costs too much to find that out by writing. */
function goneSignal({ request: { socket }, response }: Exchange): AbortSignal {
  const gone = new AbortController()
  const leave = () => response.destroy()
  socket.once('end', leave)
  if (response.destroyed || socket.readableEnded) gone.abort()
  else
    response.once('close', () => {
      socket.off('end', leave)
      gone.abort()
    })
  return gone.signal
}

/** Who asks; the admin socket's user has no address. */
function clientAddress({ client }: Exchange): string {
  return client === undefined ? 'socket' : toPlainAddress(client)
}
