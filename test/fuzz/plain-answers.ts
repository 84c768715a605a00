import assert from 'node:assert/strict'
import { lookup } from 'node:dns'

import { digestHex, digestOf } from '../../src/model/digest.ts'
import { Pieces } from '../../src/system/pieces.ts'
import { createSender } from '../../src/upstream/dispatchers.ts'
import { findHeadEnd, readReplyHead } from '../../src/upstream/plain/reply-head.ts'
import { PlainSender } from '../../src/upstream/plain/plain-sender.ts'
import type { RequestOptions } from '../../src/upstream/send-request.ts'
import type { Sender } from '../../src/upstream/sender.ts'
import { Random } from '../support/random.ts'
import { createConversation, type Conversation } from './answers.ts'
import { AnswerServer } from './answer-server.ts'
import type { FuzzOptions, FuzzReport } from './fuzz.ts'

/** Its name among the targets. */
export const PLAIN_ANSWERS = 'plain answers'

/** Conversations at a time. */
const BATCH = 25

/** Long enough for whatever comes; each conversation ends with its connection. */
const TIMEOUT_MS = 30_000

/** Bytes of a packet that are shown: what comes behind them is a body's, and of no matter. */
const MOST_SHOWN = 500

/** What became of a request. */
interface Outcome {
  readonly status?: number
  readonly headers?: string
  readonly body?: string
  readonly error?: string
}

/**
 * Servers that answer, rightly, nearly rightly and wrongly, in packets cut anywhere: whatever comes, who reads simple answers by plain http, and undici
 * alone, make the same of it, with the same requests.
 */
export async function fuzzPlainAnswers({ cases, seed, onCase }: FuzzOptions): Promise<FuzzReport> {
  const random = new Random(seed)
  const server = await AnswerServer.start()
  const kinds = new Set<string>()
  const memory = Buffer.allocUnsafeSlow(32 << 10)
  let [slowestMs, requests, simple] = [0, 0, 0]
  try {
    for (let number = 0; number < cases; number += BATCH) {
      onCase?.(number)
      const startedAt = performance.now()
      const batch = Array.from({ length: Math.min(BATCH, cases - number) }, () => createConversation(random))
      const found = await Promise.all(
        batch.map((one, at) =>
          compare(one, { server, memory, name: `${PLAIN_ANSWERS}, seed ${seed}, case ${number + at}` }),
        ),
      )
      for (const kind of found) kinds.add(kind)
      for (const { answers } of batch) {
        requests += answers.length
        simple += answers.filter(({ packets }) => isSimple(Buffer.concat(packets))).length
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    }
  } finally {
    server.close()
  }
  // Else undici was compared with itself.
  assert.ok(simple > requests / 4, `${simple} of ${requests} answers were of the simple form`)
  assert.ok(simple < (requests * 3) / 4, `${simple} of ${requests} answers were of the simple form`)
  return { cases, kinds: kinds.size, slowestMs, requests }
}

function isSimple(bytes: Buffer): boolean {
  const end = findHeadEnd(bytes, bytes.length)
  return end >= 0 && readReplyHead(bytes, end) !== undefined
}

interface Setting {
  readonly server: AnswerServer
  readonly memory: Buffer
  readonly name: string
}

/** Has both senders go through a conversation. @returns what kind it was */
async function compare(conversation: Conversation, { server, memory, name }: Setting): Promise<string> {
  const both = await Promise.all(
    [memory, undefined].map(async (own) => {
      const sender = openSender(own)
      assert.equal(sender instanceof PlainSender, own !== undefined)
      const heard = server.play(conversation)
      const outcomes: Outcome[] = []
      for (const path of heard.paths) outcomes.push(await ask(sender, server.origin, path))
      await sender.destroy()
      return {
        outcomes,
        asked: isSilent(conversation) ? heard.end().slice(0, conversation.answers.length) : heard.end(),
      }
    }),
  )
  const [plain, undici] = both
  const sent = conversation.answers.map(({ packets, ends }) => ({
    packets: packets.map((packet) => [packet.length, packet.toString('latin1', 0, MOST_SHOWN)]),
    ends,
  }))
  assert.deepEqual(plain, undici, `${name}, sent ${JSON.stringify(sent)}`)
  return (undici?.outcomes ?? []).map(({ status = '', error = '' }) => `${status} ${error}`).join(', ')
}

/** Whether a known connection is closed without an answer: then the one asks again, as it may, and the other does not. */
function isSilent({ answers }: Conversation): boolean {
  return answers.length > 1 && answers.at(-1)?.packets.length === 0
}

/** As the program has it: the one with memory of its own, undici alone without. */
function openSender(memory: Buffer | undefined): Sender {
  return createSender({
    timeoutMs: TIMEOUT_MS,
    lookup,
    resolveOwn: lookup,
    limitOf: () => 20,
    tls: { rejectUnauthorized: true },
    ...(memory === undefined ? {} : { memory }),
  })
}

async function ask(sender: Sender, origin: string, path: string): Promise<Outcome> {
  let ends = 0
  const options: RequestOptions = {
    origin,
    path,
    headers: { 'user-agent': 'pinyon/fuzz' },
    timeoutMs: TIMEOUT_MS,
    signal: new AbortController().signal,
    pieces: new Pieces(),
    onEnd: () => (ends += 1),
  }
  try {
    const { statusCode, headers, body } = await sender.send(options)
    const read: Uint8Array[] = []
    let error: unknown
    try {
      for await (const piece of body) read.push(piece)
    } catch (thrown) {
      error = thrown
    }
    const bytes = Buffer.concat(read)
    const outcome = {
      status: statusCode,
      headers: JSON.stringify(Object.entries(headers)),
      body: `${bytes.length} bytes, ${digestHex(digestOf(bytes))}`,
    }
    return error === undefined ? outcome : { ...outcome, error: describe(error, true) }
  } catch (error) {
    return { error: describe(error) }
  } finally {
    assert.equal(ends, 1, 'it is told once that it has ended')
  }
}

/** Of a body that ends early undici has other words when the server said that it would close the connection. */
const ENDED_EARLY = new Set(['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_SOCKET'])

function describe(error: unknown, isBegun = false): string {
  const { name, code = '', message } = error as NodeJS.ErrnoException
  return isBegun && ENDED_EARLY.has(code) ? 'ended early' : `${name} ${code} ${message}`
}
