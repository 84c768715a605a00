import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import type { SyncSummary } from '../../src/http/send-sync.ts'
import { parseRepomd } from '../../src/repodata/repomd.ts'
import { FaultyDisk } from '../support/disk-faults.ts'
import { httpGet, type HttpReply } from '../support/http-get.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { syncAt } from '../support/sync-at.ts'
import { writeSyntheticRepository, type WrittenPackage } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** Not kept in memory, so that each request reads its file; and longer than what is held back. */
const LARGE_BYTES = 300_000

/** A server on a disk of which something goes wrong, and its upstream. */
export class DiskFarm {
  server: StartedServer
  readonly upstream: Upstream
  readonly dataDir: string
  readonly #root: string
  readonly #disk: FaultyDisk | undefined
  #packages: readonly WrittenPackage[] = []
  #serial = 0

  /**
   * On a disk that fails on command.
   * @param workers how many processes serve
   * @returns undefined where none can be made
   */
  static async start(t: TestContext, workers = 1): Promise<DiskFarm | undefined> {
    const dir = tempDir(t)
    const disk = await FaultyDisk.create(t, join(dir, 'data'))
    return disk === undefined ? undefined : await DiskFarm.startOn(t, dir, { disk, workers })
  }

  /** In a directory. */
  static async startOn(
    t: TestContext,
    dir: string,
    { disk, workers = 1 }: { readonly disk?: FaultyDisk; readonly workers?: number } = {},
  ): Promise<DiskFarm> {
    const root = tempDir(t)
    const upstream = await startUpstream(t, root)
    const text = JSON.stringify({
      listen: '127.0.0.1:0',
      data_dir: './data',
      sync_interval: 'off',
      workers,
      mirrors: { m: { baseurl: upstream.url, retries: 0 } },
    })
    const server = await startServer(t, { dir, text, env: disk?.env ?? {} })
    const farm = new DiskFarm({ disk, server, upstream, root })
    farm.publish()
    return farm
  }

  private constructor(
    parts: Pick<DiskFarm, 'server' | 'upstream'> & {
      readonly root: string
      readonly disk: FaultyDisk | undefined
    },
  ) {
    this.server = parts.server
    this.upstream = parts.upstream
    this.dataDir = parts.server.dataDir
    this.#root = parts.root
    this.#disk = parts.disk
  }

  /** The disk that fails on command. */
  get disk(): FaultyDisk {
    if (this.#disk === undefined) throw new Error('this disk does not fail on command')
    return this.#disk
  }

  /** Publishes a generation: `hot`, which stays, `large`, and a new version of `cold`. */
  publish(): void {
    this.#serial += 1
    const packages = [
      { name: 'hot' },
      { name: 'large', content: LARGE_BYTES },
      { name: 'cold', version: `${this.#serial}`, content: 40_000 },
    ]
    this.#packages = writeSyntheticRepository(this.#root, { packages }).packages
  }

  find(name: string): WrittenPackage {
    const found = this.#packages.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no such package: ${name}`)
    return found
  }

  /** Syncs; tells how that ended. */
  async sync(): Promise<SyncSummary> {
    return await syncAt(this.dataDir, 'm')
  }

  async get(path: string): Promise<HttpReply> {
    return await httpGet(`${this.server.url}${path}`)
  }

  /** The name of the current snapshot. */
  async current(): Promise<string> {
    return (await this.get('/repos/yum/m/latest.txt')).body.toString().trim()
  }

  /** A package of a snapshot; throws for an answer that claims to be whole and is not what is listed. */
  async package(snapshot: string, { href, checksum }: WrittenPackage): Promise<HttpReply> {
    const reply = await this.get(`/repos/yum/m/${snapshot}/${href}`)
    if (reply.status === 200 && reply.complete && digestOf(reply.body) !== checksum)
      throw new Error(`wrong bytes were sent as ${href}`)
    return reply
  }

  /**
   * A package once it is stored: its fill may end a moment after its client has all of it. Throws when it is not stored.
   * @param brokenOff how many hits may be: each process that has it open still as it was before notices by itself
   */
  async stored(snapshot: string, wanted: WrittenPackage, brokenOff = 0): Promise<HttpReply> {
    const seen: string[] = []
    for (let left = brokenOff; ;) {
      const reply = await this.package(snapshot, wanted)
      const outcome = String(reply.headers['x-cache'])
      seen.push(`${outcome} ${reply.status} ${reply.body.length}`)
      if (reply.status === 200 && reply.complete && outcome === 'hit') return reply
      if (reply.status === 200 && !reply.complete && outcome === 'hit' && left > 0) left -= 1
      else if (outcome !== 'join' && outcome !== 'fill')
        throw new Error(`${wanted.href} is not stored: ${seen.join(', ')}`)
    }
  }

  /**
   * Reads all repodata of a snapshot; throws unless they are there, and what repomd.xml says.
   * @param mayBeBusy whether 503 is as good
   */
  async checkRepodata(snapshot: string, { mayBeBusy = false } = {}): Promise<void> {
    const base = `/repos/yum/m/${snapshot}`
    const repomd = await this.get(`${base}/repodata/repomd.xml`)
    if (repomd.status === 503 && mayBeBusy) return
    if (repomd.status !== 200) throw new Error(`repomd.xml of ${snapshot}: ${repomd.status}`)
    for (const { href, checksum } of parseRepomd(repomd.body).records) {
      const { status, body } = await this.get(`${base}/${href}`)
      if (status === 503 && mayBeBusy) continue
      if (status !== 200 || digestOf(body) !== checksum) throw new Error(`${href} of ${snapshot}: ${status}`)
    }
  }
}
