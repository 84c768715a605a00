import { createHash } from 'node:crypto'
import { get, type Agent, type IncomingHttpHeaders } from 'node:http'

/** An answer as a client saw it. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: number
  /** Of the body, in hex. */
  readonly sha256: string
  /** From the request to the first byte of the body, and to its end; without a body both are to the end. */
  readonly firstByteMs: number
  readonly totalMs: number
}

/** What else is asked for. */
export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Whose connections are used; a new one by default. */
  readonly agent?: Agent
}

/** Gets a whole file, hashed as it comes. @throws Error when the connection breaks before the end */
export async function httpGet(url: string, { headers = {}, agent }: GetOptions = {}): Promise<Answer> {
  const hash = createHash('sha256')
  const startedAt = performance.now()
  let bytes = 0
  let firstByteMs: number | undefined
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const request = get(url, { headers: { ...headers }, agent: agent ?? false }, (reply) => {
    reply.on('data', (chunk: Buffer) => {
      firstByteMs ??= performance.now() - startedAt
      bytes += chunk.length
      hash.update(chunk)
    })
    reply.once('error', reject)
    reply.once('end', () => {
      const totalMs = performance.now() - startedAt
      const { statusCode: status = 0, headers } = reply
      const sha256 = hash.digest('hex')
      resolve({ status, headers, bytes, sha256, firstByteMs: firstByteMs ?? totalMs, totalMs })
    })
  })
  request.once('error', reject)
  return await promise
}

/** What an answer has to be. */
export interface Expected {
  readonly status: number
  /** Of the body, in hex. */
  readonly sha256: string
}

/** Gets a file, and @throws Error unless it is what was expected. */
export async function mustGet(url: string, expected: Expected, options: GetOptions = {}): Promise<Answer> {
  const answer = await httpGet(url, options)
  if (answer.status !== expected.status || answer.sha256 !== expected.sha256)
    throw new Error(
      `${url} is not as it is to be: expected ${expected.status} and ${expected.sha256}, found ${answer.status} and ${answer.sha256}`,
    )
  return answer
}
