import { Pool, type Dispatcher } from 'undici'

import { PinyonError } from '../model/errors.ts'

/** What connecting gives when no server runs; for a path that is too long for a socket none can. */
const NO_SERVER = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED', 'ENAMETOOLONG', 'EINVAL']

/** A server that does not answer a question within this is stuck, in milliseconds. A sync takes as long as it takes. */
const ANSWER_MS = 10_000

/** The running server, asked through its admin socket. */
export class ServerConnection {
  readonly #pool: Pool

  private constructor(pool: Pool) {
    this.#pool = pool
  }

  /**
   * Connects to the server that has this socket; undefined when none runs.
   * @throws PinyonError FORBIDDEN when it may not be opened, STORE_FAILED for other trouble with it
   */
  static async open(socketPath: string): Promise<ServerConnection | undefined> {
    // Requests run side by side, each on a connection of its own, and syncs take as long as they take.
    const pool = new Pool('http://localhost', { socketPath, headersTimeout: 0, bodyTimeout: 0 })
    try {
      const { body } = await pool.request({ path: '/healthz', method: 'GET', headersTimeout: ANSWER_MS })
      await body.dump()
      return new ServerConnection(pool)
    } catch (error) {
      await pool.destroy()
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== undefined && NO_SERVER.includes(code)) return undefined
      if (code === 'EACCES')
        throw new PinyonError('FORBIDDEN', `only the server's user may use its socket: ${socketPath}`, {
          cause: error,
        })
      throw new PinyonError('STORE_FAILED', `asking the server through ${socketPath}: ${message}`, {
        cause: error,
      })
    }
  }

  /**
   * GETs JSON. Throws the server's own error.
   * @param answerMs how long the answer may take; 0 for ever
   */
  async get<T>(path: string, answerMs = ANSWER_MS): Promise<T> {
    const reply = await this.#pool.request({ path, method: 'GET', headersTimeout: answerMs })
    if (reply.statusCode !== 200) throw await toError(reply)
    return (await reply.body.json()) as T
  }

  /** POSTs nothing and hands over each line of JSON that comes back. Throws the server's own error, or STORE_FAILED when it goes away. */
  async *post<T>(path: string): AsyncIterable<T> {
    const reply = await this.#pool.request({ path, method: 'POST' })
    if (reply.statusCode !== 200) throw await toError(reply)
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
    const reply = await this.#pool.request({ path, method: 'DELETE', headersTimeout: ANSWER_MS })
    if (reply.statusCode !== 204) throw await toError(reply)
    await reply.body.dump()
  }

  async close(): Promise<void> {
    await this.#pool.close()
  }
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

async function toError(reply: Dispatcher.ResponseData): Promise<PinyonError> {
  const problem = (await reply.body.json().catch(() => ({}))) as { detail?: string }
  const message = problem.detail ?? `the server answered: ${reply.statusCode}`
  return new PinyonError(reply.statusCode === 404 ? 'NOT_FOUND' : 'STORE_FAILED', message)
}
