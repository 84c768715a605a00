import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

import { Client, type Dispatcher } from 'undici'

import { PinyonError } from '../model/errors.ts'

/** The running server, asked through its admin socket. */
export class ServerConnection {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  /** Connects to the server that has this socket; undefined when none runs. Throws FORBIDDEN when it may not be opened. */
  static async open(socketPath: string): Promise<ServerConnection | undefined> {
    // Syncs take as long as they take.
    const client = new Client('http://localhost', { socketPath, headersTimeout: 0, bodyTimeout: 0 })
    try {
      const { body } = await client.request({ path: '/healthz', method: 'GET' })
      await body.dump()
      return new ServerConnection(client)
    } catch (error) {
      await client.close()
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
      if (code === 'EACCES')
        throw new PinyonError('FORBIDDEN', `only the server's user may use its socket: ${socketPath}`, {
          cause: error,
        })
      throw error
    }
  }

  /** GETs JSON. Throws the server's own error. */
  async get<T>(path: string): Promise<T> {
    const reply = await this.#client.request({ path, method: 'GET' })
    if (reply.statusCode !== 200) throw await toError(reply)
    return (await reply.body.json()) as T
  }

  /** POSTs nothing and hands over each line of JSON that comes back. */
  async *post<T>(path: string): AsyncIterable<T> {
    const reply = await this.#client.request({ path, method: 'POST' })
    if (reply.statusCode !== 200) throw await toError(reply)
    for await (const line of createInterface({ input: Readable.from(reply.body) }))
      yield JSON.parse(line) as T
  }

  async close(): Promise<void> {
    await this.#client.close()
  }
}

async function toError(reply: Dispatcher.ResponseData): Promise<PinyonError> {
  const problem = (await reply.body.json().catch(() => ({}))) as { detail?: string }
  const message = problem.detail ?? `the server answered: ${reply.statusCode}`
  return new PinyonError(reply.statusCode === 404 ? 'NOT_FOUND' : 'STORE_FAILED', message)
}
