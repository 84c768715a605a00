/**
 * What clients that mean no good cost the others: `node bench/hostile.ts [KIND…]`. For each kind of them, of test/promises/attacker.ts,
 * prints the 50th and 99th percentile of a client that asks a server in a process of its own for a cached package again and again, in
 * milliseconds, without them and beside them, in turns, and the median ratio of both; how often they ask in a second; and the server's memory.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

import { Connection } from '../test/http/connection.ts'
import { httpGet } from '../test/support/http-get.ts'
import { startServer } from '../test/support/start-server.ts'
import { writeSyntheticRepository } from '../test/support/synthetic-repository.ts'
import { tempDir } from '../test/support/temp-dir.ts'
import { startUpstream } from '../test/support/upstream.ts'
import { readArguments } from '../test/support/script-arguments.ts'

const ATTACKER = join(import.meta.dirname, '../test/promises/attacker.ts')
const SAMPLES = 2_000
const ROUNDS = 5
/** Attackers have machines of their own, and are not to take a core from the client that is measured, or from the server, for a moment. */
const ONLY_WHERE_NOBODY_ELSE_RUNS = ['chrt', '--idle', '0'] as const
/** Until node has compiled what both do. */
const WARM_UP_ROUNDS = 5
const KINDS: readonly (readonly [kind: string, count: number, name: string])[] = [
  ['idle', 10_000, 'small.rpm'],
  ['half a head', 10_000, 'small.rpm'],
  ['no reading', 500, 'large.rpm'],
  ['a byte a second', 500, 'large.rpm'],
  ['pipelining', 20, 'large.rpm'],
  ['256 ranges', 4, 'large.rpm'],
  ['256 ranges', 4, 'stored.rpm'],
  ['overlapping ranges', 4, 'small.rpm'],
  ['a head too large', 4, 'small.rpm'],
  ['smuggling', 4, 'small.rpm'],
  ['HEAD of a cold package', 4, 'cold.rpm'],
  ['what is not there', 4, 'none.rpm'],
]

function parseKinds(args: readonly string[]): readonly string[] {
  const known = KINDS.map(([kind]) => kind)
  const wrong = args.find((one) => !known.includes(one))
  if (wrong !== undefined)
    throw new Error(`kinds are ${[...new Set(known)].map((kind) => `'${kind}'`).join(', ')}: ${wrong}`)
  return args
}

const wanted = readArguments(import.meta.filename, parseKinds)

interface Percentiles {
  readonly p50: number
  readonly p99: number
}

const cleanups: (() => unknown)[] = []
const context = { after: (cleanup: () => unknown) => void cleanups.push(cleanup) } as unknown as TestContext

const path = (name: string) => `/repos/yum/m/latest/${name}`

async function measure(port: number, path: string): Promise<Percentiles> {
  const connection = await Connection.open(port)
  const took: number[] = []
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const startedAt = performance.now()
    await connection.get(path)
    took.push(performance.now() - startedAt)
  }
  connection.close()
  took.sort((a, b) => a - b)
  const at = (share: number) => took[Math.floor(SAMPLES * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

/** @returns what the work came to, and how often they asked in a second of it */
async function beside<T>(
  args: readonly string[],
  work: () => Promise<T>,
): Promise<{ result: T; rate: number }> {
  const [command, ...options] = ONLY_WHERE_NOBODY_ELSE_RUNS
  const child = spawn(command, [...options, process.execPath, ATTACKER, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  const startedAt = performance.now()
  try {
    const result = await work()
    const seconds = (performance.now() - startedAt) / 1_000
    child.kill()
    const { value } = await lines.next()
    return { result, rate: Number(value) / seconds }
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

try {
  const root = tempDir(context)
  const packages = [
    { name: 'small', href: 'small.rpm', content: 20_000 },
    { name: 'large', href: 'large.rpm', content: 8 << 20 },
    { name: 'cold', href: 'cold.rpm', content: 20_000 },
    // Larger than what is ever kept in memory.
    { name: 'stored', href: 'stored.rpm', content: 70 << 20 },
  ]
  writeSyntheticRepository(root, { packages })
  const upstream = await startUpstream(context, root)
  const mirrors = { m: { baseurl: upstream.url, sync_interval: '8h' } }
  const server = await startServer(context, { mirrors })
  while ((await httpGet(`${server.url}/readyz`)).status !== 200);
  const port = Number(new URL(server.url).port)
  for (const { name, href } of packages) if (name !== 'cold') await httpGet(server.url + path(href))
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) await measure(port, path('small.rpm'))
  for (const [kind, count, name] of KINDS.filter(([one]) => wanted.length === 0 || wanted.includes(one))) {
    const rounds: { alone: Percentiles; attacked: Percentiles; rate: number; rss: number }[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const alone = await measure(port, path('small.rpm'))
      const { result: attacked, rate } = await beside([kind, `${port}`, `${count}`, path(name)], async () => {
        // Not their coming is measured, which fills their sockets, but what they do from then on.
        await measure(port, path('small.rpm'))
        return await measure(port, path('small.rpm'))
      })
      rounds.push({ alone, attacked, rate, rss: server.memory().rss })
    }
    const show = (pick: (round: (typeof rounds)[number]) => number) => median(rounds.map(pick)).toFixed(2)
    process.stdout.write(
      `${count} × ${kind} (${name}): p50 ${show((one) => one.alone.p50)} → ${show((one) => one.attacked.p50)} ms, ` +
        `p99 ${show((one) => one.alone.p99)} → ${show((one) => one.attacked.p99)} ms, ` +
        `ratio of p99 ${show((one) => one.attacked.p99 / one.alone.p99)}, ` +
        `${Math.round(median(rounds.map(({ rate }) => rate)))} a second, ` +
        `memory ${(Math.max(...rounds.map(({ rss }) => rss)) / 2 ** 20).toFixed(0)} MiB\n`,
    )
  }
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup()
}
