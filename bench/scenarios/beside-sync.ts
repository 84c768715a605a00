/**
 * What a sync costs those who are served meanwhile: latencies of a client that asks for a cached package again and again, while a hundred of
 * as many packages as Fedora has have changed and all of their metadata are read, against the same client when nothing else goes on.
 */
import { request } from 'node:http'
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, parse } from 'node:path'

import { Connection } from '../../test/http/connection.ts'
import { writeSyntheticRepository } from '../../test/support/synthetic-repository.ts'
import { createLayout } from '../../src/cache/layout.ts'
import { OURS, toFigures, type Measure } from '../measure/figure.ts'
import { getLargeRepository, LARGE_PACKAGES } from '../measure/large-repository.ts'
import { chooseRounds, type Scenario } from '../measure/scenario.ts'
import { baseOf, startPinyonPeer } from '../peers/pinyon.ts'

const IDLE = 'the same, idle'
/** Of the same client's 99th percentile when nothing else goes on. */
const P99_PART = 2
const HOT_BYTES = 20_000
const IDLE_MS = 1_500

/** Runs it. */
export const runBesideSync: Scenario = async ({ dir, options, fixtures, say }) => {
  say(`writes ${LARGE_PACKAGES} packages, twice`)
  const generations = [await getLargeRepository(fixtures, 0), await getLargeRepository(fixtures, 1)]
  let revision = 0
  const publishNext = () => {
    revision += 1
    writeRevision(join(dir, 'large'), generations[revision % 2] ?? '', revision)
  }
  publishNext()
  const [hot] = writeSyntheticRepository(join(dir, 'hot'), {
    packages: [{ name: 'hot', content: HOT_BYTES }],
  }).packages
  const mirrors = { large: `file://${join(dir, 'large')}/`, hot: `file://${join(dir, 'hot')}/` }
  const own = join(dir, 'pinyon')
  const pinyon = await startPinyonPeer({ name: OURS, dir: own, mirrors, mirror: 'hot' })
  try {
    const socketPath = createLayout(join(own, 'data')).adminSocket
    const port = Number(new URL(pinyon.url).port)
    const path = `${await baseOf(pinyon.url, 'hot')}/${hot?.href ?? ''}`
    await measureUntil(port, path, pause(IDLE_MS))
    const samples = { during: [] as Latencies[], idle: [] as Latencies[] }
    for (let round = 0; round < chooseRounds(options, 4, 2); round += 1) {
      say(`round ${round + 1}`)
      samples.idle.push(await measureUntil(port, path, pause(IDLE_MS)))
      publishNext()
      samples.during.push(await measureUntil(port, path, sync(socketPath, 'large')))
    }
    const common = {
      scenario: 'beside-sync',
      name: `a package of 20 KB, while ${LARGE_PACKAGES.toLocaleString('en')} packages are synced`,
      unit: 'ms',
      better: 'less',
      allowance: 0.5,
    } as const satisfies Omit<Measure, 'measure'>
    const pick = (of: (one: Latencies) => number) => ({
      [OURS]: samples.during.map(of),
      [IDLE]: samples.idle.map(of),
    })
    return {
      figures: [
        ...toFigures(
          { ...common, measure: 'p50' },
          pick(({ p50 }) => p50),
        ),
        ...toFigures(
          { ...common, measure: 'p99', targets: { [IDLE]: P99_PART } },
          pick(({ p99 }) => p99),
        ),
        ...toFigures(
          { ...common, measure: 'longest' },
          pick(({ longest }) => longest),
        ),
      ],
      curves: [],
      notes: [],
    }
  } finally {
    await pinyon.stop()
  }
}

/** Has a directory show a repository under a revision of its own: an older one than before would be refused. */
function writeRevision(root: string, of: string, revision: number): void {
  const repodata = join(root, 'repodata')
  mkdirSync(repodata, { recursive: true })
  const text = readFileSync(join(of, 'repodata/repomd.xml'), 'utf8')
  const { base } = parse(/href="([^"]+)"/.exec(text)?.[1] ?? '')
  rmSync(join(repodata, base), { force: true })
  symlinkSync(join(of, 'repodata', base), join(repodata, base))
  const next = join(repodata, 'next')
  writeFileSync(next, text.replace(/<revision>\d+/, `<revision>${revision}`))
  renameSync(next, join(repodata, 'repomd.xml'))
}

/** In milliseconds. */
interface Latencies {
  readonly p50: number
  readonly p99: number
  readonly longest: number
}

/** Asks over one connection, one request after the other, until something has ended. */
async function measureUntil(port: number, path: string, ended: Promise<unknown>): Promise<Latencies> {
  const connection = await Connection.open(port)
  const state = { isOver: false }
  const over = ended.finally(() => (state.isOver = true))
  over.catch(() => undefined)
  const took: number[] = []
  while (!state.isOver) {
    const startedAt = performance.now()
    await connection.get(path)
    took.push(performance.now() - startedAt)
  }
  connection.close()
  await over
  took.sort((a, b) => a - b)
  const at = (share: number) => took[Math.floor(took.length * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99), longest: took.at(-1) ?? 0 }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Has the running server sync, and @throws Error unless it has published. */
async function sync(socketPath: string, mirror: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const sent = request(
    { socketPath, path: `/api/v1/mirrors/${mirror}/sync`, method: 'POST', agent: false },
    (reply) => {
      let said = ''
      reply.setEncoding('utf8').on('data', (chunk: string) => (said += chunk))
      reply.once('end', () => resolve(said))
      reply.once('error', reject)
    },
  )
  sent.once('error', reject)
  sent.end()
  const said = await promise
  if (!said.includes('"published"')) throw new Error(`a sync that should publish: ${said.slice(-1_000)}`)
}
