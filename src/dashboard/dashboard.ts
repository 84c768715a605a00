import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'

import { PinyonError } from '../model/errors.ts'
import type { TextReply } from '../proxy/reply.ts'
import { findAsset, type Asset } from './assets.ts'
import type { DashboardContext, PageRequest } from './context.ts'
import { layOut } from './layout.ts'
import { errorPage } from './pages/error-page.ts'
import { findPage } from './pages.ts'
import { answerSetupRepo } from './setup-repo.ts'

/** Pages that are remembered, and how long one counts at most, in milliseconds: upstreams get well without a word in the database. */
const KEPT_PAGES = 64
const KEPT_BYTES = 16 << 20
const KEPT_MS = 10_000
/**
 * A page that was just made counts though the database has changed since, in milliseconds: many tabs ask at once, and every job's view is a
 * change. What somebody waits for to be seen ends it at once: see #told.
 */
const FRESH_MS = 1_000
/** Pages made at a time, over all clients; further ones wait, so many in all and so many of one client. */
const PARALLEL = 8
const MAX_WAITING = 64
const MAX_WAITING_OF_CLIENT = 16

/** How soon a page that shows something running is to be asked for again, in seconds. */
const BUSY_POLL_SECONDS = 2

const compress = promisify(gzip)

/** A page to send. */
export interface DashboardReply {
  readonly status: number
  readonly body: Buffer
  readonly gzip: Buffer
  /** Strong, of the uncompressed body. */
  readonly etag: string
  /** How soon to ask again, where that is sooner than usual. */
  readonly pollSeconds: number | undefined
  /** Whether nobody may keep it. */
  readonly isPrivate: boolean
}

interface KeptPage {
  readonly revision: string
  readonly told: string
  readonly madeAt: number
  readonly reply: DashboardReply
}

/**
 * Makes pages, a few at a time, and remembers them while nothing has changed. One for each who may see something else: what is remembered
 * belongs to one context.
 */
export class Dashboard {
  readonly #context: DashboardContext
  readonly #kept = new LRUCache<string, KeptPage>({
    max: KEPT_PAGES,
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ reply }) => reply.body.length + reply.gzip.length + 1_000,
  })
  readonly #limit = pLimit(PARALLEL)
  readonly #making = new Map<string, Promise<DashboardReply>>()
  readonly #waiting = new Map<string, number>()
  #changes = 0

  constructor(context: DashboardContext) {
    this.#context = context
  }

  /** A file that pages refer to, by its path; undefined where there is none. */
  asset(path: string): Asset | undefined {
    return findAsset(path)
  }

  /** A `.repo` file. See setup-repo.ts. */
  async setupRepo(query: URLSearchParams, base: string): Promise<TextReply> {
    return await answerSetupRepo(this.#context, query, base)
  }

  /** Whether a path is one of ours. */
  has(path: readonly string[]): boolean {
    return findPage(path) !== undefined
  }

  /**
   * Makes a page, or gives the one that was made before.
   * @param client who asks: how much of one waits is bounded
   * @throws PinyonError TOO_BUSY; everything else is a page that tells it
   */
  async answer(request: PageRequest, client: string): Promise<DashboardReply> {
    const { path, query, base, prefix, theme } = request
    const key = JSON.stringify([path, [...query], base, prefix, theme])
    const kept = this.#kept.get(key)
    if (kept !== undefined && this.#counts(kept)) return kept.reply
    // Nor is one waited for that was begun before what is to be seen.
    const place = `${this.#told()} ${key}`
    const making = this.#making.get(place)
    if (making !== undefined) return await making
    const made = this.#inTurn(client, () => this.#make(key, request)).finally(() =>
      this.#making.delete(place),
    )
    this.#making.set(place, made)
    return await made
  }

  /** No page counts any more: somebody has changed something, and looks whether it shows. */
  forget(): void {
    this.#changes += 1
  }

  #counts({ madeAt, revision, told }: KeptPage): boolean {
    const age = performance.now() - madeAt
    if (told !== this.#told()) return false
    return age < FRESH_MS || (age < KEPT_MS && revision === this.#context.snapshots.farm.revision())
  }

  /** What people wait for to be seen: the index, the configuration, syncs that begin and end, and their own writes. */
  #told(): string {
    const { snapshots, configuration, syncs } = this.#context
    const { asked, running, ended } = syncs
    return [
      this.#changes,
      snapshots.farm.generation(),
      configuration.error ?? '',
      asked.length,
      running.size,
      ended,
    ].join(' ')
  }

  async #inTurn<T>(client: string, make: () => Promise<T>): Promise<T> {
    const mine = this.#waiting.get(client) ?? 0
    if (this.#limit.pendingCount >= MAX_WAITING || mine >= MAX_WAITING_OF_CLIENT)
      throw new PinyonError('TOO_BUSY', `too many pages are being made, at most: ${PARALLEL}`)
    this.#waiting.set(client, mine + 1)
    try {
      return await this.#limit(make)
    } finally {
      const left = (this.#waiting.get(client) ?? 1) - 1
      if (left > 0) this.#waiting.set(client, left)
      else this.#waiting.delete(client)
    }
  }

  async #make(key: string, request: PageRequest): Promise<DashboardReply> {
    const [revision, told] = [this.#context.snapshots.farm.revision(), this.#told()]
    const { page, status } = await this.#makePage(request)
    const { version, hasTokens } = this.#context
    const body = Buffer.from(layOut(page, request, { version, hasTokens: hasTokens() }))
    const reply = {
      status,
      body,
      gzip: await compress(body, { level: 6 }),
      etag: `"${hash('sha256', body).slice(0, 32)}"`,
      pollSeconds: page.isBusy === true ? BUSY_POLL_SECONDS : undefined,
      isPrivate: page.isPrivate === true,
    }
    // What failed may succeed at once.
    if (status === 200) this.#kept.set(key, { revision, told, madeAt: performance.now(), reply })
    return reply
  }

  async #makePage(request: PageRequest) {
    try {
      const make = findPage(request.path)
      if (make === undefined)
        throw new PinyonError('NOT_FOUND', `there is no page at: /${request.path.join('/')}`)
      return { page: await make(this.#context, request), status: 200 }
    } catch (error) {
      if (error instanceof PinyonError && error.code === 'SHUTTING_DOWN') throw error
      return errorPage(error, request)
    }
  }
}
