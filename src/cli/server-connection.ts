import { statSync } from 'node:fs'
import type { Dispatcher } from 'undici'

import { USER_HEADER } from '../http/authorize.ts'
import { ERROR_KINDS, PinyonError, type ErrorCode } from '../model/errors.ts'
import { loadUndici } from '../upstream/undici-parts.ts'
import { userName } from './user-name.ts'

/** What connecting gives when no server runs; for a path that is too long for a socket none can. */
const NO_SERVER = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ENAMETOOLONG', 'EINVAL']

/** A server that does not answer a question within this is stuck, in milliseconds. A sync takes as long as it takes. */
const ANSWER_MS = 10_000

/** Requests run side by side, each on a connection of its own, and syncs take as long as they take. */
const PATIENT = { headersTimeout: 0, bodyTimeout: 0 } as const

/** A write of the API. */
export interface ServerWrite {
  readonly method: 'POST' | 'PUT' | 'DELETE'
  /** With the query, after `/api/v1/`. */
  readonly path: string
  /** Sent as JSON; nothing is sent without it. */
  readonly body?: object
}

/** A running server: this machine's, asked through its admin socket, or any, asked through its URL. */
export class ServerConnection {
  readonly #pool: Dispatcher
  /** The path that the server's URL has. */
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>
  /** How it is named in messages. */
  readonly #name: string

  private constructor(
    pool: Dispatcher,
    { name, base = '', headers }: { name: string; base?: string; headers: Record<string, string> },
  ) {
    this.#pool = pool
    this.#name = name
    this.#base = base
    this.#headers = headers
  }

  /**
   * Connects to the server that has this socket; undefined when none runs.
   * @throws PinyonError FORBIDDEN when it may not be opened, STORE_FAILED for other trouble with it
   */
  static async open(socketPath: string): Promise<ServerConnection | undefined> {
    if (isAbsent(socketPath)) return undefined
    const { Pool } = loadUndici()
    const pool = new Pool('http://localhost', { socketPath, ...PATIENT })
    const headers = { [USER_HEADER]: userName() }
    const server = new ServerConnection(pool, { name: `the server through ${socketPath}`, headers })
    try {
      await server.#greet()
      return server
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== undefined && NO_SERVER.includes(code)) return undefined
      if (code === 'EACCES')
        throw new PinyonError('FORBIDDEN', `only the server's user may use its socket: ${socketPath}`, {
          cause: error,
        })
      throw server.#explain(error)
    }
  }

  /**
   * Connects to a server by its URL.
   * @param token for writes; that of PINYON_TOKEN unless told. Sent with every request, and never shown
   * @throws PinyonError CONFIG_INVALID for what is no http or https URL, STORE_FAILED when it does not answer
   */
  static async connect(url: string, token = readToken()): Promise<ServerConnection> {
    const parsed = URL.parse(url)
    if (
      parsed === null ||
      !/^https?:$/.test(parsed.protocol) ||
      parsed.username !== '' ||
      parsed.search !== ''
    )
      throw new PinyonError(
        'CONFIG_INVALID',
        'expected --server to be a URL such as https://mirrors.example.org',
      )
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
      throw new PinyonError('CONFIG_INVALID', 'PINYON_TOKEN holds characters that no token has')
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const base = parsed.pathname.replace(/\/+$/, '')
    const { Pool } = loadUndici()
    const server = new ServerConnection(new Pool(parsed.origin, PATIENT), {
      name: parsed.origin + base,
      base,
      headers,
    })
    try {
      await server.#greet()
      return server
    } catch (error) {
      throw server.#explain(error)
    }
  }

  /**
   * GETs JSON; the path is whole. Throws the server's own error.
   * @param answerMs how long the answer may take; 0 for ever
   */
  async get<T>(path: string, answerMs = ANSWER_MS): Promise<T> {
    const reply = await this.#request({ path, method: 'GET', headersTimeout: answerMs })
    if (reply.statusCode !== 200) throw await toError(reply)
    return (await reply.body.json()) as T
  }

  /** Has something changed, and gives what the server answers. Throws the server's own error. */
  async write<T>(write: ServerWrite): Promise<T> {
    const reply = await this.#send(write)
    return (await reply.body.json()) as T
  }

  /** POSTs, nothing unless told, and hands over each line of JSON that comes back; the path is whole. Throws the server's own error, or STORE_FAILED when it goes away. */
  async *post<T>(path: string, body?: object): AsyncIterable<T> {
    const write: ServerWrite = { method: 'POST', path: path.replace(/^\/api\/v1\//, '') }
    const reply = await this.#send(body === undefined ? write : { ...write, body })
    try {
      for await (const line of readLines(reply.body)) yield JSON.parse(line) as T
    } catch (error) {
      throw new PinyonError('STORE_FAILED', `the server went away: ${(error as Error).message}`, {
        cause: error,
      })
    } finally {
      // Whoever stops listening early must not keep the connection, or close would wait for it.
      reply.body.destroy()
    }
  }

  /** DELETEs, which answers nothing. Throws the server's own error. */
  async delete(path: string): Promise<void> {
    const reply = await this.#request({ path, method: 'DELETE', headersTimeout: ANSWER_MS })
    if (reply.statusCode !== 204) throw await toError(reply)
    await reply.body.dump()
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }

  async #greet(): Promise<void> {
    try {
      const { body } = await this.#request({ path: '/healthz', method: 'GET', headersTimeout: ANSWER_MS })
      await body.dump()
    } catch (error) {
      await this.#pool.destroy()
      throw error
    }
  }

  async #send({ method, path, body }: ServerWrite): Promise<Dispatcher.ResponseData> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const reply = await this.#request({ path: `/api/v1/${path}`, method, ...sent })
    if (reply.statusCode !== 200) throw await toError(reply)
    return reply
  }

  async #request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    return await this.#pool.request({ ...options, path: this.#base + options.path, headers: this.#headers })
  }

  #explain(error: unknown): PinyonError {
    const { message, code } = error as NodeJS.ErrnoException
    const found = message === '' ? code : message
    const help = code === 'ECONNREFUSED' ? '; does a server run there?' : ''
    return new PinyonError('STORE_FAILED', `asking ${this.#name}: ${found}${help}`, { cause: error })
  }
}

/** A variable that is empty is not set. */
/** Whether nothing is there. What cannot be told is told by connecting. */
function isAbsent(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined
  } catch {
    return false
  }
}

function readToken(): string | undefined {
  const { PINYON_TOKEN: token } = process.env
  return token === '' ? undefined : token
}

async function* readLines(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** What somebody without the right token is to do. */
const TOKEN_HINT = 'PINYON_TOKEN has to hold one of the tokens in its configuration'

async function toError(reply: Dispatcher.ResponseData): Promise<PinyonError> {
  const problem = (await reply.body.json().catch(() => ({}))) as { title?: string; detail?: string }
  const message = problem.detail ?? `the server answered: ${reply.statusCode}`
  const title = problem.title ?? ''
  const code: ErrorCode = Object.hasOwn(ERROR_KINDS, title) ? (title as ErrorCode) : 'STORE_FAILED'
  return new PinyonError(code, code === 'UNAUTHORIZED' ? `${message} (${TOKEN_HINT})` : message)
}
