import assert from 'node:assert/strict'

import { Client } from 'undici'

import { digestOf, type Digest } from '../../../src/model/digest.ts'
import { INDEX_FORMATS, type IndexFormat } from '../../../src/proxy/index-formats.ts'
import type { Random } from '../../support/random.ts'
import { MIRRORS } from './plan.ts'
import type { PublishedTree } from './publisher.ts'

/** What a client was told of the index. Judged when all generations are known. */
export type Sighting = {
  /** The last round that was in force when the question was asked. */
  readonly floor: number
} & (
  | { readonly format: IndexFormat; readonly text: string }
  /** `latest.txt`: a snapshot's name, or undefined for 404. */
  | { readonly mirror: string; readonly snapshot: string | undefined }
)

/** What all clients share. */
export interface Surroundings {
  readonly url: string
  readonly trees: ReadonlyMap<Digest, PublishedTree>
  /** The digest of each snapshot's repomd.xml by its URL, as it was seen first. */
  readonly snapshots: Map<string, Digest>
  /** The last round known to be in force. */
  readonly floor: () => number
  /** One string for all that are equal, as each text is seen thousands of times. */
  readonly intern: (text: string) => string
}

interface HeldView {
  readonly name: string
  readonly text: string
  /** URLs of snapshots. */
  readonly bases: readonly string[]
}

/** Views that a client holds at a time; the first one to the end. */
const HELD_VIEWS = 3

/** One keep-alive connection that asks and asks, and believes nothing. */
export class BusyClient {
  readonly sightings: Sighting[] = []
  readonly counts = { index: 0, latest: 0, view: 0, repomd: 0, repodata: 0, package: 0, fill: 0 }
  connects = 0
  readonly #name: string
  readonly #random: Random
  readonly #around: Surroundings
  readonly #connection: Client
  readonly #views: HeldView[] = []
  #opened = 0

  constructor(name: string, random: Random, around: Surroundings) {
    this.#name = name
    this.#random = random
    this.#around = around
    this.#connection = new Client(around.url, { keepAliveTimeout: 120_000 })
    this.#connection.on('connect', () => (this.connects += 1))
  }

  /** Asks until it is to stop. */
  async run(isRunning: () => boolean): Promise<void> {
    try {
      await this.#openView()
      while (isRunning()) await this.#step()
    } finally {
      await this.#connection.close()
    }
  }

  async #step(): Promise<void> {
    const choice = this.#random.below(40)
    if (choice === 0) await this.#openView()
    else if (choice < 3) await this.#repeatView()
    else if (choice < 7) await this.#readLatest()
    else if (choice < 18) await this.#readIndex(this.#random.pick(INDEX_FORMATS))
    else await this.#readSnapshot()
  }

  async #readIndex(format: IndexFormat): Promise<void> {
    const floor = this.#around.floor()
    const { body } = await this.#get(`/repos/yum/all_latest.${format}`)
    this.sightings.push({ floor, format, text: this.#around.intern(body.toString()) })
    this.counts.index += 1
  }

  async #readLatest(): Promise<void> {
    const floor = this.#around.floor()
    const mirror = this.#random.pick(MIRRORS)
    const { status, body } = await this.#get(`/repos/yum/${mirror}/latest.txt`, [200, 404, 503])
    const snapshot = status !== 200 ? undefined : this.#around.intern(body.toString().trimEnd())
    this.sightings.push({ floor, mirror, snapshot })
    this.counts.latest += 1
  }

  /** A job begins: what it sees from now on, other than through its view, may go; when it ends, so does the view. */
  async #openView(): Promise<void> {
    const floor = this.#around.floor()
    const name = `${this.#name}-${(this.#opened += 1)}`
    const { body } = await this.#get(`/repos/views/${name}/all_latest.json?ttl=1h`)
    const text = this.#around.intern(body.toString())
    this.sightings.push({ floor, format: 'json', text })
    const { latest_ci_repos: repos } = JSON.parse(text) as { latest_ci_repos: Record<string, string> }
    assert.notDeepEqual(repos, {}, 'an index without mirrors')
    this.#views.push({ name, text, bases: Object.values(repos) })
    this.counts.view += 1
    if (this.#views.length <= HELD_VIEWS) return
    const [ended] = this.#views.splice(1 + this.#random.below(HELD_VIEWS - 1), 1)
    await this.#ask('DELETE', `/repos/views/${ended?.name}/all_latest.json`, [204])
  }

  async #repeatView(): Promise<void> {
    const { name, text } = this.#random.pick(this.#views)
    const { body } = await this.#get(`/repos/views/${name}/all_latest.json`)
    assert.equal(body.toString(), text, `view ${name} changed`)
    this.counts.view += 1
  }

  /** Its repomd.xml, and two of the files that this stands for. */
  async #readSnapshot(): Promise<void> {
    const { bases } = this.#random.pick(this.#views)
    const base = this.#random.pick(bases).slice(this.#around.url.length)
    const digest = digestOf((await this.#get(`${base}/repodata/repomd.xml`)).body)
    this.counts.repomd += 1
    const tree = this.#around.trees.get(digest)
    assert.ok(tree !== undefined, `upstream never had this repomd.xml: ${base}`)
    assert.equal(digest, this.#around.snapshots.get(base) ?? digest, `the snapshot changed: ${base}`)
    this.#around.snapshots.set(base, digest)
    for (const { href, digest: expected } of [this.#random.pick(tree.files), this.#random.pick(tree.files)]) {
      const { body, outcome } = await this.#get(`${base}/${href}`)
      assert.equal(digestOf(body), expected, `wrong bytes: ${base}/${href}`)
      this.counts[href.startsWith('repodata/') ? 'repodata' : 'package'] += 1
      if (outcome === 'fill' || outcome === 'join') this.counts.fill += 1
    }
  }

  #get(path: string, expected: readonly number[] = [200]) {
    return this.#ask('GET', path, expected)
  }

  async #ask(method: 'GET' | 'DELETE', path: string, expected: readonly number[]) {
    const { statusCode: status, headers, body } = await this.#connection.request({ method, path })
    // Rejects for a body that is shorter than announced.
    const bytes = Buffer.from(await body.arrayBuffer())
    assert.ok(expected.includes(status), `${method} ${path}: ${status} ${bytes.toString('utf8', 0, 300)}`)
    return { status, body: bytes, outcome: headers['x-cache'] }
  }
}
