/**
 * What injections cost others: `node bench/inject.ts [CLIENTS [SECONDS]]`, 16 clients that post a megabyte each over and over for 5 seconds unless
 * told. Prints the latency of a small hot file meanwhile, how many were posted, and the longest time for which the server's thread answered
 * nothing; beside nothing, beside another busy thread, which is what fewer processors than threads cost in any case, beside small
 * configurations and beside large ones.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'

import { App } from '../src/app/app.ts'
import { createSilentLogger } from '../src/system/logger.ts'
import { DEFAULT_CACHE, DEFAULT_RETENTION, NO_PREFETCH, ON_DEMAND } from '../test/support/config-defaults.ts'
import { writeSyntheticRepository } from '../test/support/synthetic-repository.ts'
import { watchThread } from './watch-thread.ts'
import { parseNumbers, readArguments } from '../test/support/script-arguments.ts'

const MEGABYTE = 1 << 20

/** As a host has them that is entitled to everything. */
function section(index: number): string {
  return `[repo-${index}-for-rhel-9-x86_64-rpms]
name = Repository ${index} for RHEL 9 x86_64
mirrorlist = https://mirrors.example.org/list?repo=${index}&arch=$basearch
enabled = ${index % 2}
gpgcheck = 1
gpgkey = file:///etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release
sslverify = 1
sslcacert = /etc/rhsm/ca/redhat-uep.pem

`
}

function configuration(bytes: number): string {
  let text = '[m]\nbaseurl=http://upstream/\n'
  for (let index = 0; ; index += 1) {
    const next = section(index)
    if (text.length + next.length > bytes) return text
    text += next
  }
}

/** Clients have threads of their own: what they take must not count. */
const CLIENT = `const { parentPort, workerData: { target, body, clients } } = require('node:worker_threads')
const { Agent, request } = require('node:http')
const agent = new Agent({ keepAlive: true, maxSockets: clients })
const ask = () => new Promise((resolve, reject) => {
  const startedAt = performance.now()
  const sent = request(target, { agent, method: body === undefined ? 'GET' : 'POST' }, (reply) => {
    reply.resume()
    reply.once('end', () => resolve([reply.statusCode, performance.now() - startedAt]))
  })
  sent.once('error', reject)
  sent.end(body)
})
let running = true
const statuses = {}
const times = []
const run = async () => {
  while (running) {
    const [status, ms] = await ask()
    statuses[status] = (statuses[status] ?? 0) + 1
    times.push(ms)
  }
}
parentPort.once('message', () => (running = false))
Promise.all(Array.from({ length: clients }, run)).then(() => {
  agent.destroy()
  parentPort.postMessage({ statuses, times: times.sort((a, b) => a - b) })
})`

interface Figures {
  readonly statuses: Readonly<Record<string, number>>
  /** Milliseconds, sorted. */
  readonly times: readonly number[]
}

/** Starts clients; call what it gives to end them. */
function startClients(target: string, clients: number, body?: string): () => Promise<Figures> {
  const worker = new Worker(CLIENT, { eval: true, workerData: { target, clients, body } })
  return async () => {
    worker.postMessage('stop')
    const [figures] = (await once(worker, 'message')) as [Figures]
    return figures
  }
}

function quantile(times: readonly number[], part: number): string {
  return (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(2)
}

async function measure(
  title: string,
  hot: string,
  seconds: number,
  post?: { target: string; clients: number; body: string },
): Promise<void> {
  const endPosts = post === undefined ? undefined : startClients(post.target, post.clients, post.body)
  const endHot = startClients(hot, 2)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const longestMs = watchThread()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  const blockedMs = longestMs()
  const { times } = await endHot()
  const posted = await endPosts?.()
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((part) => quantile(times, part))
  const posts =
    posted === undefined
      ? ''
      : `  posts ${JSON.stringify(posted.statuses)}, p50 ${quantile(posted.times, 0.5)} ms`
  process.stdout.write(
    `${title.padEnd(24)} ${String(times.length).padStart(7)} hot, p50 ${p50} p99 ${p99} p99.9 ${p999} ms, blocked ${blockedMs.toFixed(1)} ms${posts}\n`,
  )
}

async function main(clients: number, seconds: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'pinyon-bench-'))
  try {
    const root = join(dir, 'upstream')
    writeSyntheticRepository(root, { packages: [{ name: 'p', content: 2_000 }] })
    const rules = { strict: false, allowOlder: false, repoGpgcheck: false }
    const mirror = { name: 'm', baseurls: [`${pathToFileURL(root).href}/`], enabled: true, timeoutMs: 1_000 }
    const app = await App.open({
      config: {
        file: '/',
        listen: { host: '127.0.0.1', port: 0 },
        dataDir: join(dir, 'data'),
        syncIntervalMs: 'off',
        retention: DEFAULT_RETENTION,
        cache: DEFAULT_CACHE,
        ...NO_PREFETCH,
        mirrors: new Map([['m', { ...mirror, ...rules, syncIntervalMs: 'off', retries: 0, ...ON_DEMAND }]]),
      },
      log: createSilentLogger(),
    })
    const url = `http://127.0.0.1:${await app.listen()}`
    const result = await app.sync('m')
    if (result.outcome === 'failed') throw result.error
    const hot = `${url}/repos/yum/m/${result.snapshot.name}/Packages/p/p-1.0-1.noarch.rpm`
    if ((await fetch(hot)).status !== 200) throw new Error(`not there: ${hot}`)
    const target = `${url}/repos/inject`
    for (const round of [1, 2]) {
      process.stdout.write(`round ${round}\n`)
      await measure('nothing else', hot, seconds)
      const burner = new Worker('for (;;);', { eval: true })
      await measure('a thread that only burns', hot, seconds)
      await burner.terminate()
      await measure(`${clients} × 4 KB`, hot, seconds, { target, clients, body: configuration(4_096) })
      await measure(`${clients} × 1 MB`, hot, seconds, { target, clients, body: configuration(MEGABYTE) })
    }
    await app.close()
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const [clients = 16, seconds = 5] = readArguments(import.meta.filename, (args) => parseNumbers(args, 2))
await main(clients, seconds)
