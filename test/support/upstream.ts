import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import {
  matchesPath,
  shapeBody,
  type Behaviour,
  type PathPredicate,
  type Rule,
  type Rules,
  type UpstreamRequest,
} from './upstream-behaviour.ts'
import { answerFile, answerText, type FileAnswer } from './upstream-file.ts'

const HTML_PAGE = '<!DOCTYPE html><html><body><h1>Welcome</h1>Please log in.</body></html>\n'

/** A web server on 127.0.0.1 that serves `root`, logs what it was asked, and misbehaves as `rules` say. */
export class Upstream {
  /** The directory served from the next request on. */
  root: string
  rules: Rules = []
  /** Every request in the order of arrival. */
  readonly requests: UpstreamRequest[] = []
  readonly #server: Server
  readonly #uses = new Map<Rule, number>()
  readonly #waiters = new Set<() => void>()
  readonly #answering = new Set<Promise<void>>()
  #port = 0

  constructor(root: string) {
    this.root = root
    this.#server = createServer((request, response) => {
      // A file that goes while it is sent, as all do at a test's end, ends its connection.
      const answering = this.#answer(request, response).catch(() => void response.destroy())
      this.#answering.add(answering)
      void answering.finally(() => this.#answering.delete(answering))
    })
  }

  /** Where the root is, with a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/`
  }

  get port(): number {
    return this.#port
  }

  /** Requests whose path matches, so far; all of them without a predicate. */
  count(path: PathPredicate = () => true): number {
    return this.requests.filter((request) => matchesPath(path, request.path)).length
  }

  /** Resolves when so many matching requests have arrived, counting those already here. */
  async waitFor(path: PathPredicate, count = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = () => {
      if (this.count(path) >= count) resolve()
    }
    this.#waiters.add(check)
    check()
    await promise
    this.#waiters.delete(check)
  }

  /** Resolves when no answer is under way; from then on the log says how each request ended. */
  async settled(): Promise<void> {
    while (this.#answering.size > 0) await Promise.all(this.#answering)
  }

  /** Listens: on a free port the first time, on the same one after {@link stop}. */
  async start(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Breaks every connection and refuses new ones. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entry = this.#log(request)
    const behaviour = this.#behaviourFor(entry)
    await behaviour.before?.(entry)
    await behaviour.hold?.opened
    if (behaviour.latencyMs !== undefined) await sleep(behaviour.latencyMs)
    if (behaviour.hangUp === true || response.destroyed) {
      breakOff(response, behaviour)
      return
    }
    const answer = chooseAnswer(this.root, entry, behaviour)
    entry.status = answer.status
    await send(response, answer, behaviour, entry)
  }

  #log(request: IncomingMessage): UpstreamRequest {
    const { range } = request.headers
    const entry: UpstreamRequest = {
      index: this.requests.length,
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      ...(range === undefined ? {} : { range }),
      at: Date.now(),
      status: 0,
      bytesSent: 0,
      complete: false,
    }
    this.requests.push(entry)
    for (const check of this.#waiters) check()
    return entry
  }

  #behaviourFor(entry: UpstreamRequest): Behaviour {
    if (typeof this.rules === 'function') return this.rules(entry) ?? {}
    const rule = this.rules.find(
      (rule) => matchesPath(rule.match, entry.path) && (this.#uses.get(rule) ?? 0) < (rule.times ?? Infinity),
    )
    if (rule === undefined) return {}
    this.#uses.set(rule, (this.#uses.get(rule) ?? 0) + 1)
    return rule
  }
}

/** Starts an upstream that serves `root` until the test ends. */
export async function startUpstream(t: TestContext, root: string): Promise<Upstream> {
  const upstream = new Upstream(root)
  await upstream.start()
  t.after(() => upstream.stop())
  return upstream
}

function chooseAnswer(root: string, entry: UpstreamRequest, behaviour: Behaviour): FileAnswer {
  const { redirectTo, status, html } = behaviour
  if (redirectTo !== undefined) {
    const answer = answerText(status ?? 302, 'elsewhere\n')
    return { ...answer, headers: { ...answer.headers, Location: redirectTo } }
  }
  if (html === true) return answerText(status ?? 200, HTML_PAGE, 'text/html')
  if (status !== undefined) return answerText(status, `${status}\n`)
  return answerRange(root, entry, behaviour)
}

/** The file, or the part of it that the behaviour makes of the one asked for. */
function answerRange(root: string, { path, headers }: UpstreamRequest, { ranges }: Behaviour): FileAnswer {
  const { range, ...others } = headers
  const [, start = '', end = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  if (ranges === undefined || start === '')
    return answerFile(root, path, ranges === 'ignored' ? others : headers)
  if (ranges === 'ignored') return answerFile(root, path, others)
  if (ranges === 'refused') return answerText(416, '')
  const asked = answerFile(root, path, headers)
  if (ranges === 'shifted' || asked.status !== 206)
    return answerFile(root, path, { ...headers, range: `bytes=${Number(start) + 1}-${end}` })
  const other = answerFile(root, path, { ...others, range: `bytes=0-${asked.length - 1}` })
  return { ...asked, body: other.body, offset: 0 }
}

function breakOff(response: ServerResponse, { reset }: Behaviour): void {
  if (reset === true) response.socket?.resetAndDestroy()
  else response.destroy()
}

async function send(
  response: ServerResponse,
  answer: FileAnswer,
  behaviour: Behaviour,
  entry: UpstreamRequest,
): Promise<void> {
  const closed = new Promise<false>((resolve) => response.once('close', () => resolve(false)))
  const hasBody = entry.method !== 'HEAD' && answer.status !== 304
  const announced = behaviour.contentLength ?? behaviour.shortenTo ?? answer.length
  writeHead(response, answer, behaviour, announced)
  const pieces = hasBody ? shapeBody(answer.body, behaviour, answer.offset) : []
  for await (const piece of pieces) {
    if (response.destroyed) return
    // Without a timer: a piece leaves, reaches the kernel, and the event loop turns before the next one.
    const { promise: flushed, resolve } = Promise.withResolvers<boolean>()
    response.write(piece, (error) => resolve(error == null))
    if (!(await Promise.race([flushed, closed]))) return
    entry.bytesSent += piece.length
    if (behaviour.bytesPerTick !== undefined) await nextTurn()
  }
  const lied = hasBody && behaviour.framing === undefined && announced !== entry.bytesSent
  if (lied || behaviour.cutAt !== undefined) {
    breakOff(response, behaviour)
  } else {
    // A client that has its announced length may be gone before the server calls the answer finished.
    entry.complete = behaviour.framing === undefined
    response.once('finish', () => (entry.complete = true))
    response.end()
  }
  await closed
}

function writeHead(
  response: ServerResponse,
  answer: FileAnswer,
  behaviour: Behaviour,
  announced: number,
): void {
  for (const [name, value] of Object.entries({ ...answer.headers, ...behaviour.headers })) {
    response.setHeader(name, value)
  }
  if (behaviour.framing === undefined && answer.status !== 304)
    response.setHeader('Content-Length', announced)
  if (behaviour.framing === 'close') {
    response.removeHeader('Transfer-Encoding')
    response.shouldKeepAlive = false
  }
  response.writeHead(answer.status)
  response.flushHeaders()
}
