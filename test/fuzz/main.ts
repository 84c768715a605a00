/**
 * `npm run fuzz -- [--cases N] [--seed S] [--target NAME]`: changed inputs for everything that reads bytes from outside, 1,200,000 unless
 * told. Prints its seed; ends with 1 at the first crash, hang or disagreement, and says how to see it again.
 */
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

import { chooseFrom, parseSeed, parseWhole, readArguments } from '../support/script-arguments.ts'
import { FAST_PATH, fuzzFastPath } from './fast-path.ts'
import { fuzz, type FuzzOptions, type FuzzReport } from './fuzz.ts'
import { fuzzPlainAnswers, PLAIN_ANSWERS } from './plain-answers.ts'
import { TARGETS } from './targets.ts'

/** A case that is not over after this is never over, in milliseconds. */
const HANG_MS = 30_000

/** Two servers are compared beside what the other targets read: over a million requests, two and a half a connection. */
const FAST_PATH_SHARE = { name: FAST_PATH, share: 0.35 }

/** Two clients are compared as well, over real connections: 30,000 conversations of two requests each in two minutes. */
const PLAIN_ANSWERS_SHARE = { name: PLAIN_ANSWERS, share: 0.025 }

interface Work {
  readonly name: string
  readonly cases: number
  readonly seed: number
  /** The number of the case that runs, for who watches. */
  readonly running: SharedArrayBuffer
}

if (isMainThread) process.exitCode = await main()
else await work(workerData as Work)

async function main(): Promise<number> {
  const { cases, seed, chosen } = readArguments(import.meta.filename, parseOptions)
  process.stdout.write(`${cases} cases, seed ${seed}\n`)
  let total = 0
  for (const { name, share } of chosen) {
    const count = chosen.length === 1 ? cases : Math.round(cases * share)
    const startedAt = performance.now()
    try {
      const { kinds, slowestMs, requests } = await run({ name, cases: count, seed })
      total += count
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      process.stdout.write(
        `${name}: ${count} cases${requests === undefined ? '' : `, ${requests} requests`} in ${seconds} s, ${kinds} kinds of outcomes, the slowest ${slowestMs.toFixed(1)} ms\n`,
      )
    } catch (error) {
      process.stdout.write(`${(error as Error).message}\n`)
      return 1
    }
  }
  process.stdout.write(`${total} cases: no crash, no hang, no disagreement\n`)
  return 0
}

function parseOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: 'string', default: '1200000' },
      seed: { type: 'string' },
      target: { type: 'string' },
    },
  })
  const all = [
    ...TARGETS.map(({ target: { name }, share }) => ({ name, share })),
    FAST_PATH_SHARE,
    PLAIN_ANSWERS_SHARE,
  ]
  const names = all.map(({ name }) => name)
  const target = values.target === undefined ? undefined : chooseFrom('--target', names, values.target)
  return {
    cases: parseWhole('--cases', values.cases, 1),
    seed: parseSeed(values.seed),
    chosen: all.filter(({ name }) => target === undefined || name === target),
  }
}

/** Runs a target in a thread, which can be ended when it hangs. */
async function run(request: Omit<Work, 'running'>): Promise<FuzzReport> {
  const running = new SharedArrayBuffer(4)
  const counter = new Int32Array(running)
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...request, running } satisfies Work })
  const { promise, resolve, reject } = Promise.withResolvers<FuzzReport>()
  worker.once('message', resolve)
  worker.once('error', reject)
  let seen = { number: -1, at: performance.now() }
  const watch = setInterval(() => {
    const number = Atomics.load(counter, 0)
    if (number !== seen.number) seen = { number, at: performance.now() }
    else if (performance.now() - seen.at > HANG_MS)
      reject(new Error(`${request.name}, seed ${request.seed}, case ${number} hangs`))
  }, 1_000)
  try {
    return await promise
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}

async function work({ name, cases, seed, running }: Work): Promise<void> {
  const counter = new Int32Array(running)
  const onCase = (number: number) => Atomics.store(counter, 0, number)
  parentPort?.postMessage(await fuzzByName(name, { cases, seed, onCase }))
}

async function fuzzByName(name: string, options: FuzzOptions): Promise<FuzzReport> {
  if (name === FAST_PATH) return await fuzzFastPath(options)
  if (name === PLAIN_ANSWERS) return await fuzzPlainAnswers(options)
  const found = TARGETS.find(({ target }) => target.name === name)
  if (found === undefined) throw new Error(`no such target: ${name}`)
  return fuzz(found.target, options)
}
