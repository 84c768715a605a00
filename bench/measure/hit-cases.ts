import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { BenchOptions } from '../options.ts'
import type { Peer } from '../peers/peer.ts'
import { sha256, type HotFile, type HotRepository } from './hot-repository.ts'
import { mustGet, type Expected } from './http-get.ts'
import { meanAnswerBytes } from './package-mix.ts'
import { getEachOnce } from './wrk-once.ts'
import type { LoadCase, LoadRequest } from './rounds.ts'

/** A case, and what comes before it is measured. */
export interface HitCase extends LoadCase {
  /** Asks every peer for all of it until it is warm. @throws Error when an answer is not what it is to be */
  warm(): Promise<void>
}

/** What cases are made of. */
export interface HitContext {
  readonly repository: HotRepository
  readonly dir: string
  readonly options: BenchOptions
}

/** Requests/s of pinyon to those of nginx, over 16 connections. */
const TARGETS: Readonly<Record<string, number>> = { '2 KB': 1.2, '64 KB': 1, '1 MB': 1, '32 MB': 0.9 }
const RIVAL = 'nginx proxy_cache'

/** Where every server takes part, at each size; with fewer or more connections the fastest do. */
const USUAL_CONNECTIONS = 16
const FASTEST: readonly string[] = ['pinyon', RIVAL, 'trafficserver']

/** It takes three to eight times as long as all others, whatever it is asked. */
const SLOWEST = 'squid'

/** From here on answers take so long that bytes are counted. */
const LONG_ANSWER_BYTES = 1 << 20

/** With so many connections more is on its way at the end of a round than is sent in half a second. */
const MANY_CONNECTIONS = 512
const MANY_LAST = 2

/** Pinyon keeps larger files in memory from the third request on. */
const WARM_TIMES = 4
/** One after the other, while others are asked for: of many files it takes some more. */
const MIX_WARM_TIMES = 12

/** All cases that were asked for. */
export async function createHitCases(all: readonly Peer[], context: HitContext): Promise<HitCase[]> {
  const { repository, options } = context
  const peers = all.filter(({ name }) => name !== SLOWEST)
  const cases: HitCase[] = []
  const connections = options.isQuick ? [USUAL_CONNECTIONS] : [USUAL_CONNECTIONS, 1, MANY_CONNECTIONS]
  for (const count of connections)
    for (const [size, file] of repository.sizes) cases.push(sizeCase(all, size, file, count))
  for (const size of ['2 KB', '64 KB'])
    cases.push(
      fileCase(peers, `${size}, 16 connections, no keep-alive`, fileOf(repository, size), {
        Connection: 'close',
      }),
    )
  cases.push(mixCase(peers, context), rangeCase(peers, repository), indexCase(peers))
  cases.push(await conditionalCase(peers, fileOf(repository, '64 KB')))
  return cases.filter(({ name }) => name.includes(options.cases))
}

function sizeCase(peers: readonly Peer[], size: string, file: HotFile, connections: number): HitCase {
  const taking = connections === USUAL_CONNECTIONS ? peers : peers.filter(({ name }) => isFast(name))
  const one = fileCase(taking, `${size}, ${connections} connection${connections === 1 ? '' : 's'}`, file)
  const target = TARGETS[size]
  return {
    ...one,
    connections,
    ...(file.sizeBytes < LONG_ANSWER_BYTES ? {} : longAnswers(file, connections)),
    ...(target === undefined || connections !== USUAL_CONNECTIONS ? {} : { targets: { [RIVAL]: target } }),
  }
}

function longAnswers({ sizeBytes }: HotFile, connections: number): Partial<LoadCase> {
  return { answerBytes: sizeBytes, ...(connections < MANY_CONNECTIONS ? {} : { lasts: MANY_LAST }) }
}

/** Also pinyon in another way, where that was asked for. */
function isFast(name: string): boolean {
  return FASTEST.some((one) => name.startsWith(one))
}

function fileCase(
  peers: readonly Peer[],
  name: string,
  file: HotFile,
  headers: Readonly<Record<string, string>> = {},
): HitCase {
  return requestCase(peers, name, (peer) => ({ path: peer.base + file.path, headers }), {
    status: 200,
    sha256: file.sha256,
  })
}

function requestCase(
  peers: readonly Peer[],
  name: string,
  requestOf: (peer: Peer) => LoadRequest,
  expected: Expected,
): HitCase {
  const requests = Object.fromEntries(peers.map((peer) => [peer.name, requestOf(peer)]))
  const warm = async () => {
    for (const peer of peers) {
      const { path, headers = {} } = requestOf(peer)
      // A cache has to have had all of a file before it gives a part of it.
      if (expected.status !== 200) await mustWarm(peer, path)
      for (let times = 0; times < WARM_TIMES; times += 1)
        await mustGet(peer.url + path, expected, { headers })
    }
  }
  return { name, connections: USUAL_CONNECTIONS, requests, warm }
}

async function mustWarm(peer: Peer, path: string): Promise<void> {
  for (let times = 0; times < WARM_TIMES; times += 1) {
    const reply = await fetch(peer.url + path)
    await reply.arrayBuffer()
    if (reply.status !== 200) throw new Error(`${peer.name} answered ${path} with ${reply.status}`)
  }
}

function mixCase(peers: readonly Peer[], { repository, dir, options }: HitContext): HitCase {
  const { mix } = repository
  const requests = Object.fromEntries(
    peers.map((peer, index) => {
      const file = join(dir, `mix-${index}`)
      const lines = mix.map(({ weight, path }) => `${weight}\t${peer.base}${path}\n`)
      writeFileSync(file, lines.join(''))
      return [peer.name, { path: '/', mix: { file, seed: options.seed } }]
    }),
  )
  const warm = async () => {
    for (const peer of peers) {
      for (const { path, sha256 } of mix)
        await mustGet(`${peer.url}${peer.base}${path}`, { status: 200, sha256 })
      const paths = mix.map(({ path }) => peer.base + path)
      const again = { url: peer.url, paths, connections: USUAL_CONNECTIONS, dir }
      for (let times = 1; times < MIX_WARM_TIMES; times += 1) await getEachOnce(again)
    }
  }
  const mean = Math.round(meanAnswerBytes(mix) / 1_000)
  return {
    name: `mix of 200 by Zipf, ${mean} KB on average, 16 connections`,
    connections: USUAL_CONNECTIONS,
    requests,
    warm,
  }
}

function rangeCase(peers: readonly Peer[], repository: HotRepository): HitCase {
  const file = fileOf(repository, '1 MB')
  const [first, last] = [100_000, 165_535]
  const headers = { Range: `bytes=${first}-${last}` }
  const expected = { status: 206, sha256: repository.digestOfRange(file, first, last) }
  const name = 'range of 64 KB in 1 MB, 16 connections'
  return requestCase(peers, name, (peer) => ({ path: peer.base + file.path, headers }), expected)
}

async function conditionalCase(peers: readonly Peer[], file: HotFile): Promise<HitCase> {
  const tags = new Map<string, string>()
  for (const peer of peers) {
    const { headers } = await mustGet(`${peer.url}${peer.base}${file.path}`, {
      status: 200,
      sha256: file.sha256,
    })
    tags.set(peer.name, headers.etag ?? '')
  }
  const headersOf = (peer: Peer) => ({ 'If-None-Match': tags.get(peer.name) ?? '' })
  const request = (peer: Peer) => ({ path: peer.base + file.path, headers: headersOf(peer) })
  return requestCase(peers, '304, 16 connections', request, { status: 304, sha256: sha256('') })
}

/** Of a farm's index pinyon makes the answer; the others have it as a file. */
function indexCase(peers: readonly Peer[]): HitCase {
  const name = 'all_latest.json, 16 connections'
  const one = requestCase(peers, name, (peer) => ({ path: indexPath(peer) }), { status: 200, sha256: '' })
  return { ...one, warm: () => warmIndex(peers) }
}

function indexPath({ base }: Peer): string {
  return base === '' ? '/all_latest.json' : '/repos/yum/all_latest.json'
}

async function warmIndex(peers: readonly Peer[]): Promise<void> {
  for (const peer of peers)
    for (let times = 0; times < WARM_TIMES; times += 1) {
      const reply = await fetch(peer.url + indexPath(peer))
      const body = (await reply.json()) as { latest_ci_repos?: unknown }
      if (reply.status !== 200 || body.latest_ci_repos === undefined)
        throw new Error(`${peer.name} gave no index, but ${reply.status}`)
    }
}

function fileOf({ sizes }: HotRepository, size: string): HotFile {
  const file = sizes.get(size)
  if (file === undefined) throw new Error(`no package has ${size}`)
  return file
}
