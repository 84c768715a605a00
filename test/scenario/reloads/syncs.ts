import assert from 'node:assert/strict'

import type { ServerConnection } from '../../../src/cli/server-connection.ts'
import type { SyncLine, SyncSummary } from '../../../src/http/send-sync.ts'
import type { GcReport } from '../../../src/snapshot/gc/gc-report.ts'
import { httpGet } from '../../support/http-get.ts'
import type { Publisher, PublishedTree } from './publisher.ts'

/** What a collection's answer has. */
type Collected = Pick<GcReport, 'snapshots'>

/** Upstream's pushes, the syncs that bring them here, and now and then a collection. */
export class Syncs {
  /** Snapshots that collections retired. */
  retired = 0
  readonly #url: string
  readonly #admin: ServerConnection
  readonly #publisher: Publisher
  readonly #pushed = new Map<string, PublishedTree[]>()

  constructor(url: string, admin: ServerConnection, publisher: Publisher) {
    this.#url = url
    this.#admin = admin
    this.#publisher = publisher
  }

  /** One push and its sync. Every fifth is of a mirror that others sync as well. */
  async next(turn: number): Promise<void> {
    if (turn % 5 === 4) await this.collect()
    if (turn % 10 === 4) this.#publisher.push('coming')
    if (turn % 10 === 7) this.#publisher.push('named')
    if (turn % 5 === 3) {
      this.#publisher.push(turn % 2 === 0 ? 'moving-a' : 'moving-b')
      await this.sync('moving')
    } else await this.#pushAndForget(`steady-${turn % 2}`)
  }

  /** Syncs a mirror, which must succeed. */
  async sync(mirror: string): Promise<SyncSummary> {
    let last: SyncLine | undefined
    for await (const line of this.#admin.post<SyncLine>(`/api/v1/mirrors/${mirror}/sync`)) last = line
    assert.ok(last !== undefined && 'result' in last)
    assert.notEqual(last.result.outcome, 'failed', last.result.error)
    return last.result
  }

  /** A mirror that nobody else syncs: its push is published. What upstream then forgets for good was fetched in time. */
  async #pushAndForget(mirror: string): Promise<void> {
    const tree = this.#publisher.push(mirror)
    const { outcome, snapshot } = await this.sync(mirror)
    assert.equal(outcome, 'published')
    const { status } = await httpGet(`${this.#url}/repos/yum/${mirror}/${snapshot}/${tree.newcomer}`)
    assert.equal(status, 200)
    const pushed = this.#pushed.get(mirror) ?? []
    this.#pushed.set(mirror, pushed)
    pushed.push(tree)
    // No longer listed, and that is known here.
    const old = pushed.length > 3 ? pushed.shift() : undefined
    if (old !== undefined) this.#publisher.forget(old)
  }

  /** Collects by what is configured this moment. */
  async collect(): Promise<void> {
    const { snapshots } = await this.#admin.write<Collected>({ method: 'POST', path: 'gc' })
    this.retired += snapshots.filter(({ goes }) => goes).length
  }
}
