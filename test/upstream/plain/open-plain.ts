import type { TestContext } from 'node:test'
import type { buildConnector } from 'undici'

import { Pieces } from '../../../src/system/pieces.ts'
import { PlainSender } from '../../../src/upstream/plain/plain-sender.ts'
import type { HttpReply, RequestOptions } from '../../../src/upstream/send-request.ts'
import { DispatcherSender, type Sender } from '../../../src/upstream/sender.ts'
import { loadUndici } from '../../../src/upstream/undici-parts.ts'

/** Connects as this says, or as undici does. */
export interface PlainSettings {
  readonly connect?: buildConnector.connector
}

/** A sender, and what is seen of it. */
export interface OpenPlain {
  readonly sender: PlainSender
  /** What the other sender was asked for. */
  readonly others: readonly RequestOptions[]
  readonly pieces: Pieces
  /** Asks for a URL. */
  readonly get: (url: string, given?: Partial<RequestOptions>) => Asked
}

/** A request under way. */
export interface Asked {
  readonly reply: Promise<HttpReply>
  readonly abort: (reason?: Error) => void
  /** How often its end was told. */
  readonly ends: () => number
}

/** Memory that connections read into, as long as the program's own. */
const READ_BYTES = 32 << 10

/** Opens a sender of simple requests, which is ended with the test. */
export function openPlain(t: TestContext, { connect }: PlainSettings = {}): OpenPlain {
  const { Agent, buildConnector } = loadUndici()
  const undici = new DispatcherSender(new Agent())
  const others: RequestOptions[] = []
  const other: Sender = {
    send: async (options) => {
      others.push(options)
      return await undici.send(options)
    },
    close: () => undici.close(),
    destroy: () => undici.destroy(),
  }
  const sender = new PlainSender({
    connect: connect ?? buildConnector({ timeout: 10_000 }),
    memory: Buffer.allocUnsafeSlow(READ_BYTES),
    other,
  })
  t.after(() => sender.destroy().catch(() => undefined))
  const pieces = new Pieces()
  return { sender, others, pieces, get: (url, given) => ask(sender, url, { pieces, ...given }) }
}

/** Asks a sender for a URL. */
export function ask(sender: Sender, url: string, given: Partial<RequestOptions> = {}): Asked {
  const { origin, pathname, search } = new URL(url)
  const stop = new AbortController()
  let ends = 0
  const reply = sender.send({
    origin,
    path: pathname + search,
    headers: { 'user-agent': 'pinyon/test' },
    timeoutMs: 10_000,
    signal: stop.signal,
    pieces: new Pieces(),
    onEnd: () => (ends += 1),
    ...given,
  })
  // It is looked at later.
  reply.catch(() => undefined)
  return { reply, abort: (reason) => stop.abort(reason), ends: () => ends }
}

/** All bytes of an answer's body. */
export async function readAll(reply: HttpReply | Promise<HttpReply>): Promise<Buffer> {
  const { bytes, error } = await readOut(await reply)
  if (error !== undefined) throw error
  return bytes
}

/** What came of a body, and what it broke off with. */
export async function readOut({ body }: HttpReply): Promise<{ bytes: Buffer; error: Error | undefined }> {
  const read: Uint8Array[] = []
  let error: Error | undefined
  try {
    for await (const piece of body) read.push(piece)
  } catch (thrown) {
    error = thrown as Error
  }
  return { bytes: Buffer.concat(read), error }
}

/** What is read of an answer, as text. */
export async function readText(reply: HttpReply | Promise<HttpReply>): Promise<string> {
  return (await readAll(reply)).toString('latin1')
}

/** Lets the event loop go round, so that what is done in a later turn is done, and what has come over the loopback is read. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
