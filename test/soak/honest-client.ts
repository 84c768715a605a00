import { setTimeout as pause } from 'node:timers/promises'

import { digestOf, type Digest } from '../../src/model/digest.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import type { Random } from '../support/random.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import type { Judge } from './judge.ts'
import type { MirrorName, Repositories, Tree } from './repositories.ts'
import type { Mark, Weather } from './weather.ts'

/** What all honest clients share. */
export interface Surroundings {
  readonly url: string
  readonly repositories: Repositories
  readonly weather: Weather
  readonly judge: Judge
  /** The digest of each snapshot's repomd.xml by its URL, as it was seen first. */
  readonly snapshots: Map<string, Digest>
  /** Packages, by digest, that are on disk though upstream no longer lists them, as the server knows. */
  readonly safe: Set<Digest>
  /** Whether the server knows that upstream no longer lists a package. */
  readonly hasLeft: (mirror: MirrorName, path: string) => boolean
}

/** dnf gives up after 30 s; a machine that is busy with other things is slower than that says. */
const PATIENCE_MS = 45_000
/** Looks at snapshots in a job: while a long one lasts, others come and go. */
const SHORT_JOB = 12
const LONG_JOB = 250
const NO_ANSWER: HttpReply = {
  status: 0,
  headers: {},
  rawHeaders: [],
  body: Buffer.alloc(0),
  complete: false,
}

interface Asked {
  readonly reply: HttpReply
  readonly mark: Mark
}

/** A job: opens a view, works through what that names like dnf, believes nothing, and ends the view. */
export class HonestClient {
  readonly #name: string
  readonly #random: Random
  readonly #around: Surroundings
  #jobs = 0

  constructor(name: string, random: Random, around: Surroundings) {
    this.#name = name
    this.#random = random
    this.#around = around
  }

  /** Job after job until it is to stop. */
  async run(isRunning: () => boolean): Promise<void> {
    while (isRunning()) await this.#job(isRunning)
  }

  async #job(isRunning: () => boolean): Promise<void> {
    const { judge, url } = this.#around
    this.#jobs += 1
    const view = `${url}/repos/views/${this.#name}-${this.#jobs}/all_latest.json`
    const opened = await this.#ask('plain', `${view}?ttl=1h`)
    if (opened.reply.status !== 200) return await pause(20)
    judge.count('job')
    const bases = Object.entries(
      (JSON.parse(opened.reply.body.toString()) as { latest_ci_repos: Record<string, string> })
        .latest_ci_repos,
    ) as [MirrorName, string][]
    const steps = this.#random.once(4) ? LONG_JOB : SHORT_JOB
    for (let step = 0; step < steps && isRunning() && bases.length > 0; step += 1) {
      const [mirror, base] = this.#random.pick(bases)
      await this.#useSnapshot(mirror, base)
      await pause(this.#random.below(20))
    }
    const again = await this.#ask('plain', view)
    if (again.reply.status === 200)
      judge.expect(
        'the index changes as a whole',
        again.reply.body.equals(opened.reply.body),
        () => `view ${view} changed`,
      )
    await httpGet(view, { method: 'DELETE' }).catch(() => undefined)
  }

  /** Its repomd.xml, one of the other files, and some packages. */
  async #useSnapshot(mirror: MirrorName, base: string): Promise<void> {
    const { judge, repositories, snapshots } = this.#around
    const asked = await this.#ask(mirror, `${base}/repodata/repomd.xml`)
    if (!this.#expectThere(mirror, `${base}/repodata/repomd.xml`, asked)) return
    const digest = digestOf(asked.reply.body)
    const tree = repositories.trees.get(digest)
    const promise = 'a snapshot never changes and never mixes'
    judge.expect(promise, tree?.mirror === mirror, () => `upstream never had this repomd.xml: ${base}`)
    judge.expect(promise, (snapshots.get(base) ?? digest) === digest, () => `the snapshot changed: ${base}`)
    snapshots.set(base, digest)
    if (tree === undefined) return
    const [path, expected] = this.#random.pick([...tree.repodata])
    const file = await this.#ask(mirror, `${base}/${path}`)
    if (this.#expectThere(mirror, `${base}/${path}`, file))
      judge.expect(
        promise,
        digestOf(file.reply.body) === expected,
        () => `${base}/${path} is of another generation`,
      )
    for (let count = this.#random.below(4); count > 0; count -= 1) await this.#usePackage(mirror, base, tree)
  }

  /** Repodata, which need no upstream: 200 and whole, unless the server was gone or its disk fails. */
  #expectThere(mirror: MirrorName, url: string, { reply, mark }: Asked): boolean {
    const { judge, weather } = this.#around
    const isThere = reply.status === 200 && reply.complete
    const promise = weather.wasStormy(mirror, mark)
      ? 'upstream’s trouble stays upstream’s'
      : 'what a snapshot lists can be had'
    if (!isThere && (weather.wasDown(mark) || weather.wasFaulty(mark))) judge.count('excused')
    else judge.expect(promise, isThere, () => `${url}: ${describe(reply)}`)
    return isThere
  }

  async #usePackage(mirror: MirrorName, base: string, tree: Tree): Promise<void> {
    const { judge, weather, repositories, safe } = this.#around
    const [path, { digest, size }] = this.#random.pick([...tree.packages])
    const url = `${base}/${path}`
    const wasThere = repositories.has(mirror, path)
    const isSafe = safe.has(digest)
    const way = this.#random.pick(['whole', 'whole', 'whole', 'range', 'head', 'leave'] as const)
    judge.count(`package, ${way}`)
    if (way === 'leave') return await this.#leave(url)
    const from = this.#random.below(size)
    const to = Math.min(size - 1, from + this.#random.below(30_000))
    const asked = await this.#ask(mirror, url, {
      method: way === 'head' ? 'HEAD' : 'GET',
      headers: way === 'range' ? { Range: `bytes=${from}-${to}` } : {},
    })
    const { reply, mark } = asked
    // What a HEAD is told needs no upstream either, unless nobody has the package any more: then it is told what a GET is.
    if (way === 'head' && reply.headers['x-cache'] !== 'lost') {
      if (this.#expectThere(mirror, url, asked))
        judge.expect(
          'no wrong bytes',
          reply.headers['content-length'] === `${size}`,
          () => `${url} (head): ${reply.headers['content-length']} bytes, ${size} are listed`,
        )
      return
    }
    judge.expect(
      'upstream’s trouble stays upstream’s',
      reply.status !== 404,
      () => `${url}: ${describe(reply)}`,
    )
    if (reply.status < 300 && reply.complete) {
      const isRight = isWhole(reply, digest) || (way === 'range' && isPart(reply, { path, size, from, to }))
      judge.expect(
        'no wrong bytes',
        isRight,
        () => `${url} (${way}): ${describe(reply)} is not what is listed`,
      )
      if (way === 'whole' && reply.headers['x-cache'] === 'hit' && this.#around.hasLeft(mirror, path))
        safe.add(digest)
      return
    }
    if (weather.wasDown(mark) || weather.wasFaulty(mark)) return judge.count('excused')
    // What left upstream and was kept needs no upstream.
    judge.expect(
      'what a snapshot lists can be had',
      !isSafe,
      () => `kept, and gone: ${url}: ${describe(reply)}`,
    )
    const isExcused = weather.wasStormy(mirror, mark) || !wasThere || !repositories.has(mirror, path)
    judge.expect(
      'what a snapshot lists can be had',
      isExcused,
      () => `upstream is well: ${url}: ${describe(reply)}`,
    )
    if (reply.status < 300) return judge.count('package, cut off')
    const isHonest =
      [502, 503, 504].includes(reply.status) &&
      reply.headers['x-pinyon-reason'] !== undefined &&
      reply.headers['cache-control'] === 'no-store'
    judge.expect('upstream’s trouble stays upstream’s', isHonest, () => `${url}: ${describe(reply)}`)
    judge.count(`package, ${reply.status}`)
  }

  /** Goes away in the middle. */
  async #leave(url: string): Promise<void> {
    const signal = AbortSignal.timeout(1 + this.#random.below(30))
    await httpGet(url, { signal }).catch(() => undefined)
  }

  async #ask(mirror: MirrorName, url: string, options: Parameters<typeof httpGet>[1] = {}): Promise<Asked> {
    const { judge, weather } = this.#around
    const mark = weather.mark(mirror)
    const startedAt = performance.now()
    const reply = await httpGet(url, options).catch(() => NO_ANSWER)
    const tookMs = performance.now() - startedAt
    judge.expect(
      'an answer comes before a client gives up',
      tookMs < PATIENCE_MS,
      () => `${url} took ${tookMs} ms`,
    )
    if (reply.status === 0 && !weather.wasDown(mark) && !weather.wasFaulty(mark))
      judge.expect('upstream’s trouble stays upstream’s', false, () => `${url}: no answer`)
    judge.count('request')
    return { reply, mark }
  }
}

function isWhole({ status, body }: HttpReply, digest: Digest): boolean {
  return status === 200 && digestOf(body) === digest
}

/** Whether it is the range that was asked for; what is passed through is answered whole instead. */
function isPart(
  { status, body, headers }: HttpReply,
  { path, size, from, to }: { path: string; size: number; from: number; to: number },
): boolean {
  const isSaid = status === 206 && headers['content-range'] === `bytes ${from}-${to}/${size}`
  return isSaid && body.equals(seededBytes(`${path} ${size}`, size).subarray(from, to + 1))
}

function describe({ status, complete, headers, body }: HttpReply): string {
  const reason = String(headers['x-pinyon-reason'] ?? '')
  return `${status}, ${String(headers['x-cache'] ?? 'no outcome')}, ${body.length} bytes, ${complete ? 'whole' : 'cut'} ${reason}`
}
