import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import type { TestContext } from 'node:test'

import { App, type AppOptions } from '../../src/app/app.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import type { GenerationView } from '../../src/proxy/api-generations.ts'
import { ingestHere } from '../support/ingest-here.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { copyFilledSite } from './filled-site.ts'
import { LogRecorder, type LogLine } from './log-recorder.ts'

/** The token called `ci`, and the one called `dashboard`. */
export const CI_TOKEN = 'ci-0123456789abcdef'
export const DASHBOARD_TOKEN = 'dashboard-0123456789abcdef'

/** An answer to a write. */
export interface WriteReply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The last line of the body, as JSON. */
  readonly json: Record<string, unknown>
}

/** How a write is made. */
export interface WriteOptions {
  /** Through the admin socket instead of TCP. */
  readonly socket?: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** A token that is sent. */
  readonly token?: string
  readonly body?: unknown
}

/** A server in this process whose configuration is a file: mirrors `a` and `b`, each with two snapshots. */
export interface WritableSite {
  readonly app: App
  readonly log: LogRecorder
  readonly upstream: Upstream
  readonly url: string
  readonly dataDir: string
  readonly file: string
  /** Where the repository of both mirrors lies. */
  readonly root: string
  /** The names of a mirror's snapshots, oldest first. */
  readonly names: Readonly<Record<'a' | 'b', readonly string[]>>
  /** Text of the file as it is. */
  text(): string
  write(method: string, path: string, options?: WriteOptions): Promise<WriteReply>
  /** Oldest first. */
  generations(): Promise<readonly GenerationView[]>
  latest(mirror: string): Promise<string | undefined>
}

/** How a site differs. */
export interface WritableSiteOptions {
  /** Without any the write API is closed over TCP. */
  readonly tokens?: boolean
  readonly app?: Partial<AppOptions>
}

/** Starts a site; its log and its upstream's begin empty. */
export async function startWritableSite(
  t: TestContext,
  { tokens = true, app: settings }: WritableSiteOptions = {},
): Promise<WritableSite> {
  const dir = tempDir(t)
  const filled = await copyFilledSite(t, dir)
  const [dataDir, root] = [join(dir, 'data'), join(dir, 'root')]
  const upstream = await startUpstream(t, root)
  const file = join(dir, 'pinyon.yaml')
  writeFileSync(join(dir, 'ci-token'), `${CI_TOKEN}\n`)
  writeFileSync(join(dir, 'dashboard-token'), `${DASHBOARD_TOKEN}\n`)
  writeFileSync(file, configText(upstream.url, tokens))
  const log = new LogRecorder()
  let { now } = filled
  const load = (text?: string) => (text === undefined ? loadConfig(file, {}) : parseConfig(file, text, {}))
  const options = {
    config: load(),
    log: log.logger,
    loadConfig: load,
    now: () => (now += 60_000),
    createIngests: ingestHere(),
  }
  const app = await App.open({ ...options, ...settings })
  t.after(() => app.close())
  const url = `http://127.0.0.1:${await app.listen()}`
  upstream.requests.length = 0
  log.lines.length = 0
  const get = async (path: string) => await (await fetch(`${url}${path}`)).text()
  return {
    app,
    log,
    upstream,
    url,
    dataDir,
    file,
    root,
    names: filled.names,
    text: () => readFileSync(file, 'utf8'),
    write: (method, path, write = {}) =>
      send(
        write.socket === true ? { socketPath: join(dataDir, 'admin.sock') } : splitUrl(url),
        method,
        path,
        write,
      ),
    generations: async () => {
      const { generations } = JSON.parse(await get('/api/v1/generations?limit=1000')) as {
        generations: GenerationView[]
      }
      return generations.toReversed()
    },
    latest: async (mirror) => {
      const reply = await fetch(`${url}/repos/yum/${mirror}/latest.txt`)
      const body = await reply.text()
      return reply.status === 200 ? body.trim() : undefined
    },
  }
}

function configText(baseurl: string, tokens: boolean): string {
  const guard = tokens
    ? 'tokens:  # ask before you add one\n  ci: { file: ci-token }\n  dashboard: { file: dashboard-token }\n'
    : ''
  return `# The farm.
listen: 127.0.0.1:0
data_dir: ./data
sync_interval: off   # by hand
${guard}mirrors:
  # the first
  a:
    baseurl: ${baseurl}   # near
    retries: 0

  'b': { baseurl: "${baseurl}", retries: 0 } # the second
`
}

function splitUrl(url: string): { host: string; port: string } {
  const { hostname, port } = new URL(url)
  return { host: hostname, port }
}

async function send(
  where: { socketPath: string } | { host: string; port: string },
  method: string,
  path: string,
  { headers = {}, token, body }: WriteOptions,
): Promise<WriteReply> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const text = typeof body === 'string' ? body : (JSON.stringify(body) ?? '')
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(text)
  // Of a DELETE node's client would send a body without its length.
  const framing = body === undefined ? {} : { 'Content-Length': bytes.length }
  const options = { ...where, method, path: `/api/v1/${path}`, agent: false }
  const sent = request({ ...options, headers: { ...authorization, ...framing, ...headers } }, resolve)
  sent.once('error', reject)
  sent.end(bytes)
  const response = await promise
  const received = await readText(response)
  const json = JSON.parse(received.trimEnd().split('\n').at(-1) || '{}') as Record<string, unknown>
  return { status: response.statusCode ?? 0, headers: response.headers, body: received, json }
}

/** All that a write could change. */
export async function stateOf(site: WritableSite): Promise<unknown> {
  // What a pinned snapshot lists and upstream lists no longer is fetched at once.
  for (const mirror of ['a', 'b']) await site.app.prefetcher.settled(mirror)
  const mirrors = await (await fetch(`${site.url}/api/v1/mirrors`)).text()
  return [site.text(), mirrors, (await site.generations()).length, site.upstream.requests.length]
}

/** The lines of the log that tell of writes. */
export function auditLines(site: WritableSite): LogLine[] {
  return site.log.lines.filter(({ audit }) => audit === true)
}
