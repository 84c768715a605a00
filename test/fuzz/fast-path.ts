import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { digestHex, digestOf } from '../../src/model/digest.ts'
import { Random } from '../support/random.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import type { FuzzOptions, FuzzReport } from './fuzz.ts'
import { mutate } from './mutate.ts'
import { FILES, MISSING, NEVER_WARM, startTwins, STRANGE_HOST, TEXTS, type Twins } from './twin-servers.ts'
import { WireSocket } from './wire-socket.ts'

/** Its name among the targets. */
export const FAST_PATH = 'fast path'

/** One request in so many is much longer than any that clients send, up to so many bytes. */
const LONG_ONCE_IN = 50
const MOST_LONG_BYTES = 50_000

/** Connections that are open at a time. */
const BATCH = 250

const TARGETS = [
  ...FILES.map(([target]) => target),
  ...TEXTS.keys(),
  ...MISSING,
  '/none',
  'http://h/e',
  'http://h/repos/yum/all_latest.json',
  '/..',
  '*',
]
const HOSTS = ['Host: h', 'host: mirror.example.org:8080', `Host: ${STRANGE_HOST}`]
/** One of each at most. */
const HEADERS = [
  ['User-Agent: libdnf (Fedora Linux 43; generic; Linux.x86_64)', 'User-Agent: curl/8.5.0', 'user-agent: a'],
  ['Accept: */*'],
  ['Accept-Encoding: identity'],
  ['Connection: keep-alive', 'connection: Keep-Alive', 'Connection: close'],
  ['Cache-Control: no-cache'],
  ['Pragma: no-cache'],
  ['X-ZYpp-AnonymousId: 1'],
  ['X-Forwarded-For: 10.0.0.1, 10.0.0.2'],
]
const ETAGS = [
  ...FILES.map(([target, size]) => `"${digestHex(digestOf(seededBytes(target, size)))}"`),
  ...[...TEXTS.values()].map(({ etag }) => etag),
]
const DATES = ['13 Dec 2016 13:30:00', '13 Dec 2016 13:29:59', '14 Dec 2016 00:00:00'].map(
  (date) => `Tue, ${date} GMT`,
)
const RANGES = [
  '0-0',
  '0-',
  '3-6',
  '-1',
  '-400',
  '9-',
  '299-400',
  '69999-',
  '5-4',
  '0-1,3-4',
  '1-, 2-3',
  '5-5,3-3,1-1',
  '-2,0-1,9999999999999999999-',
  '0-1,5-4',
  '6-8,9-',
  ',0-0, ,2-2,',
  '0-60000,60500-69998',
  '100-40000,0-3',
  Array.from({ length: 256 }, (_, at) => `${at * 64}-${at * 64 + 9}`).join(','),
  Array.from({ length: 256 }, (_, at) => `${at}-${at}`).join(', '),
  '-0',
]
/** What says that only a part is wanted, or nothing; one of each at most. */
const CONDITIONS = [
  ETAGS.map((etag) => `If-None-Match: ${etag}`),
  DATES.map((date) => `If-Modified-Since: ${date}`),
  RANGES.map((range) => `Range: bytes=${range}`),
  ETAGS.map((etag) => `If-Range: ${etag}`),
]
/** What makes a request another, or two of one: to be seen by both in the same way. */
const ODD_HEADERS = [
  'Range: bytes=0-2',
  'Range: bytes=-',
  'Range: lines=0-2',
  'Range: bytes=0-1\r\nRange: bytes=1-2',
  'If-Range: Tue, 13 Dec 2016 13:30:00 GMT',
  'If-None-Match: *',
  `If-None-Match: W/${ETAGS[1]}`,
  `If-None-Match: "a", ${ETAGS[1]}`,
  `If-Match: ${ETAGS[2]}`,
  'If-Modified-Since: Tue, 13 Dec 2016 13:30:00 GMT',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length: 5, 5',
  'Content-Length : 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\tchunked',
  'Expect: 100-continue',
  'Upgrade: h2c',
  'Connection: upgrade',
  'Connection: close, keep-alive',
  'Connection: close\r\n x',
  'Host: a\r\nHost: b',
  'Host:',
  ' Host: h',
  'Host : h',
  'Accept: */*\r\n\tfolded: 1',
  'Accept: a\rb',
  'Accept: a\nContent-Length: 3',
  'User-Agent: \x00',
  'User-Agent: \xff',
  'Trailer: x',
  'X-Unknown: 1',
]
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  ' ',
  '\t',
  ':',
  ': ',
  'GET ',
  'HEAD ',
  'POST ',
  'get ',
  'CONNECT ',
  ' HTTP/1.1',
  ' HTTP/1.0',
  ' HTTP/0.9',
  ' HTTP/1.1\r\n',
  'HTTP/2.0',
  '5\r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  ...TARGETS,
  ...ODD_HEADERS.map((line) => `${line}\r\n`),
  ...[...HEADERS, ...CONDITIONS].flat().map((line) => `${line}\r\n`),
]

/** All that happens without a network has happened after so many turns in which nobody waits for one. */
const SETTLED = 8

/** One connection: what it sends, in pieces, and whether its end is slow. */
interface Case {
  readonly number: number
  readonly requests: number
  readonly pieces: readonly Buffer[]
  /** Before which pieces it stops reading. */
  readonly stallsAt: number
}

/**
 * Connections that send requests, right ones, nearly right ones, and what tries to be taken for two things: whatever is sent, both ways of
 * answering send the same bytes and tell of the same requests.
 */
export async function fuzzFastPath({ cases, seed, onCase }: FuzzOptions): Promise<FuzzReport> {
  const random = new Random(seed)
  const twins = await startTwins()
  const corpus: Buffer[] = []
  const kinds = new Set<string>()
  let slowestMs = 0
  let requests = 0
  for (let number = 0; number < cases; number += BATCH) {
    onCase?.(number)
    const startedAt = performance.now()
    const batch = Array.from({ length: Math.min(BATCH, cases - number) }, (_, at) =>
      createCase(number + at, corpus, random),
    )
    for (const kind of await runBatch(twins, batch, seed)) kinds.add(kind)
    requests = batch.reduce((sum, one) => sum + one.requests, requests)
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
  }
  // Else two servers of one kind were compared.
  const answers = twins.fastAnswers()
  assert.ok(
    answers > cases / 10,
    `${answers} of ${cases} connections' requests were answered without node:http`,
  )
  const cold = twins.coldAnswers()
  assert.ok(cold > cases / 20, `${cold} of ${cases} connections' requests were for what was not warm`)
  await twins.close()
  return { cases, kinds: kinds.size, slowestMs, requests }
}

function createCase(number: number, corpus: Buffer[], random: Random): Case {
  const requests = Array.from({ length: 1 + random.below(4) }, () => {
    if (random.once(LONG_ONCE_IN)) return Buffer.from(createLongRequest(random), 'latin1')
    const request = Buffer.from(createRequest(random), 'latin1')
    if (!random.once(3)) return request
    const other = corpus.length === 0 ? request : random.pick(corpus)
    if (corpus.length < 500) corpus.push(request)
    return mutate(request, { random, words: WORDS, other })
  })
  const bytes = Buffer.concat(requests)
  // As clients send them, or cut anywhere.
  const pieces = !random.once(4) ? requests : cut(bytes, random)
  return {
    number,
    requests: requests.length,
    pieces: pieces.filter(({ length }) => length > 0),
    stallsAt: random.below(8),
  }
}

function createRequest(random: Random): string {
  const others = random.shuffle(HEADERS).slice(random.below(HEADERS.length))
  const headers = [random.pick(HOSTS), ...others.map((lines) => random.pick(lines))]
  if (random.once(3))
    for (const lines of random.shuffle(CONDITIONS).slice(1 + random.below(CONDITIONS.length)))
      headers.push(random.pick(lines))
  if (random.once(4)) headers.splice(random.below(headers.length + 1), 0, random.pick(ODD_HEADERS))
  const version = random.once(12) ? 'HTTP/1.0' : 'HTTP/1.1'
  const body = random.once(8)
    ? random.pick(['hello', '5\r\nhello\r\n0\r\n\r\n', 'GET /e HTTP/1.1\r\nHost: h\r\n\r\n'])
    : ''
  return `${random.once(8) ? 'HEAD' : 'GET'} ${random.pick(random.once(4) ? NEVER_WARM : TARGETS)} ${version}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}

/** More than node reads of a head, or nearly so, in one way or another; or a long body. */
function createLongRequest(random: Random): string {
  const length = random.below(MOST_LONG_BYTES)
  const target = random.pick(TARGETS)
  const common = `${random.pick(HOSTS)}\r\n${random.once(2) ? `${random.pick(ODD_HEADERS)}\r\n` : ''}`
  const ways = [
    () => `GET ${target} HTTP/1.1\r\n${common}X-Long: ${'x'.repeat(length)}\r\n\r\n`,
    () => `GET ${target} HTTP/1.1\r\n${common}${'a:\r\n'.repeat(length / 4)}\r\n`,
    () => `GET ${target}?${'y'.repeat(length)} HTTP/1.1\r\n${common}\r\n`,
    () => `POST ${target} HTTP/1.1\r\n${common}Content-Length: ${length}\r\n\r\n${'z'.repeat(length)}`,
    () => `${'\r\n'.repeat(length / 2)}GET ${target} HTTP/1.1\r\n${common}\r\n`,
    () =>
      `POST ${target} HTTP/1.1\r\n${common}Transfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${'w'.repeat(length)}\r\n0\r\n\r\n`,
  ]
  return random.pick(ways)()
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const cuts = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1))
  const ends = [...cuts.toSorted((a, b) => a - b), bytes.length]
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end))
}

async function runBatch(twins: Twins, batch: readonly Case[], seed: number): Promise<string[]> {
  const { servers, told } = twins
  // What clients have in common is counted together.
  const pairs = batch.map((_, at) => servers.map(() => new WireSocket(`10.0.${at >> 8}.${at & 255}`)))
  for (const pair of pairs)
    for (const [at, socket] of pair.entries()) {
      // A server would have its own.
      socket.on('error', () => undefined)
      servers[at]?.serve(socket)
    }
  const steps = Math.max(...batch.map(({ pieces }) => pieces.length))
  for (let step = 0; step < steps; step += 1) {
    for (const [at, { pieces, stallsAt }] of batch.entries())
      for (const socket of pairs[at] ?? []) {
        const piece = pieces[step]
        if (stallsAt === step) socket.isStalled = true
        if (piece !== undefined && !socket.destroyed) socket.push(piece)
      }
    await settle(twins)
    // Whoever stalled reads on after the next piece, when something waits behind the answer.
    for (const [at, { stallsAt }] of batch.entries())
      if (step > stallsAt) for (const socket of pairs[at] ?? []) socket.goOn()
    await settle(twins)
  }
  for (const socket of pairs.flat()) socket.goOn()
  await settle(twins)
  for (const socket of pairs.flat()) if (!socket.destroyed) socket.push(null)
  await settle(twins)
  for (const server of servers) server.countHits()
  return batch.map((one, at) => compare(one, pairs[at] ?? [], { told, seed }))
}

async function settle({ areWaiting }: Pick<Twins, 'areWaiting'>): Promise<void> {
  for (let quiet = 0; quiet < SETTLED; quiet = areWaiting() ? 0 : quiet + 1) await nextTurn()
}

function compare(
  { number, pieces, stallsAt }: Case,
  [fast, slow]: readonly WireSocket[],
  { told, seed }: Pick<Twins, 'told'> & { readonly seed: number },
): string {
  const name = `${FAST_PATH}, seed ${seed}, case ${number}, sent ${JSON.stringify(pieces.map((piece) => piece.toString('latin1')))}`
  if (fast === undefined || slow === undefined) throw new Error('two connections are compared')
  const wire = slow.wire()
  // node cuts an answer off that waits for its client when what comes behind its request is malformed: here it is sent to its end, unless node has
  // the connection here as well, and sees both in another turn.
  const isError = () => Number((JSON.parse(told(slow).at(-1) ?? '[]') as unknown[])[2]) >= 400
  const wasCutOff =
    [fast, slow].some((one) => told(one).some((line) => line.includes('"aborted"'))) ||
    (fast.wire() !== wire && isError())
  if (stallsAt < pieces.length && wasCutOff) {
    const [short = '', long = ''] = [fast.wire(), wire].toSorted((a, b) => a.length - b.length)
    assert.ok(long.startsWith(short), name)
    return 'cut off'
  }
  assert.equal(fast.wire(), wire, name)
  assert.deepEqual(...tellAlike(told(fast), told(slow)), name)
  assert.deepEqual(isEnded(fast), isEnded(slow), name)
  return [...wire.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status).join(' ')
}

/**
 * What both tell, in no order, as hits are counted later. Where one of them tells that a request was aborted before anything of
 * its answer was sent, but how they ended: whether it was, or had just been over, when the connection was closed for what came behind it,
 * depends on the turn in which it was read.
 */
function tellAlike(one: readonly string[], other: readonly string[]): [string[], string[]] {
  const isOpen = [...one, ...other].some((line) => line.includes(',"aborted",0,'))
  const tell = (line: string) => (isOpen ? JSON.stringify((JSON.parse(line) as unknown[]).slice(0, 2)) : line)
  return [one.map(tell).toSorted(), other.map(tell).toSorted()]
}

/** Whether a connection is closed, and whether its client sees an end. What is closed was not shut down first where all of its answer had gone out. */
function isEnded({ destroyed, writableEnded }: WireSocket): [closed: boolean, ended: boolean] {
  return [destroyed, destroyed || writableEnded]
}
