import type Database from 'better-sqlite3'

import { hash } from 'node:crypto'
import { digestOf } from '../../src/model/digest.ts'
import { hashMember, Sketch } from '../../src/model/sketch.ts'
import { formatSnapshotName } from '../../src/model/snapshot-name.ts'
import { hashHref, openDatabase } from '../../src/snapshot/database.ts'
import { Random } from '../support/random.ts'
import { DEMO_MIRRORS, DEMO_NOW, type DemoMirror } from './demo-mirrors.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const STEMS =
  'podman buildah skopeo kernel glibc openssl systemd python3 vdsm ovirt-engine nginx postgresql curl rpm dnf git qemu-kvm libvirt ansible-core selinux-policy'.split(
    ' ',
  )
const TAILS = ['', '-libs', '-devel', '-doc', '-tools', '-common']
const AGENTS = ['dnf 4', 'dnf 5', 'mock', 'curl', 'zypper'] as const
const ROWS = 120

/**
 * Fills a database with the demonstration, past every check: the rows are those that as many syncs and requests would have left. Gives the
 * names of the snapshots that mirrors are pinned to.
 */
export function writeDemoData(
  file: string,
  mirrors: readonly DemoMirror[] = DEMO_MIRRORS,
): ReadonlyMap<string, string> {
  const database = openDatabase(file)
  try {
    const writer = new DemoWriter(database)
    database.transaction(() => writer.write(mirrors))()
    return writer.pins
  } finally {
    database.close()
  }
}

interface MadeSnapshot {
  readonly id: number
  readonly mirrorId: number
  readonly createdAt: number
  readonly isCurrent: boolean
}

class DemoWriter {
  readonly #database: Database.Database
  readonly #statements = new Map<string, Database.Statement>()
  readonly #random = new Random(7)
  readonly #made: MadeSnapshot[] = []
  #snapshotId = 0
  readonly pins = new Map<string, string>()

  constructor(database: Database.Database) {
    this.#database = database
  }

  write(mirrors: readonly DemoMirror[]): void {
    for (const [at, mirror] of mirrors.entries()) this.#writeMirror(at + 1, mirror)
    this.#writeGenerations()
  }

  #between(least: number, most: number): number {
    return least + this.#random.below(most - least + 1)
  }

  #run(sql: string, ...values: readonly unknown[]): Database.RunResult {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement.run(...values)
  }

  #writeMirror(id: number, mirror: DemoMirror): void {
    const { name, isDown = false, isNew = false } = mirror
    const checkedAt = isNew ? null : DEMO_NOW - (3 + this.#between(0, 28)) * 60_000
    const succeededAt = isDown ? DEMO_NOW - 6.6 * HOUR_MS : checkedAt
    const error = isDown ? 'repomd.xml: connection timed out after 30 s, 3 tries' : null
    this.#run(
      'INSERT INTO mirror (id, name, listed, checked_at, succeeded_at, error) VALUES (?, ?, 1, ?, ?, ?)',
      id,
      name,
      checkedAt,
      succeededAt,
      error,
    )
    if (isNew) return
    const snapshots = this.#writeSnapshots(id, mirror)
    const pinned = snapshots.at(-1 - (mirror.pinnedBefore ?? 0))
    if (mirror.pinnedBefore !== undefined && pinned !== undefined) {
      this.pins.set(name, formatSnapshotName(pinned.createdAt))
      this.#run('UPDATE mirror SET pin_id = ?, pin_why = ? WHERE id = ?', pinned.id, mirror.why ?? null, id)
    }
    this.#writeChecks(id, mirror, snapshots)
    this.#writeUsage(id, mirror, pinned)
  }

  /** Snapshots from the oldest on, with packages of which some change each time. */
  #writeSnapshots(mirrorId: number, mirror: DemoMirror): MadeSnapshot[] {
    const packages = this.#names().map((name) => ({
      name,
      version: 1,
      id: this.#addPackage(mirrorId, name, 1, 1),
    }))
    const made: MadeSnapshot[] = []
    for (let seq = 1; seq <= mirror.snapshots; seq += 1) {
      const hours = mirror.newestHours + (mirror.snapshots - seq) * mirror.everyHours
      const jitter = seq === mirror.snapshots ? 0 : this.#between(-20, 20) / 100
      const createdAt = DEMO_NOW - Math.round((hours + jitter * mirror.everyHours) * HOUR_MS)
      const upgraded = seq === 1 ? 0 : this.#between(1, Math.min(80, Math.ceil(mirror.packages / 60)))
      const first = this.#between(0, ROWS - 1)
      for (let step = 0; step < upgraded; step += 1) {
        const changed = packages[(first + step) % ROWS]
        if (changed === undefined) continue
        this.#run('UPDATE package SET last_seq = ? WHERE id = ?', seq - 1, changed.id)
        changed.version += 1
        changed.id = this.#addPackage(mirrorId, changed.name, changed.version, seq)
      }
      const added = seq > 1 && this.#between(0, 2) === 0 ? this.#between(1, 3) : 0
      for (let step = 0; step < added; step += 1) this.#addPackage(mirrorId, `new-${seq}-${step}`, 1, seq)
      const replaced = seq === mirror.snapshots ? (mirror.replaced ?? 0) : 0
      made.push(this.#addSnapshot(mirrorId, mirror, seq, createdAt, { added, upgraded, replaced }))
    }
    this.#writeDeparted(mirrorId, mirror)
    return made
  }

  #addSnapshot(
    mirrorId: number,
    mirror: DemoMirror,
    seq: number,
    createdAt: number,
    { added, upgraded, replaced }: { added: number; upgraded: number; replaced: number },
  ): MadeSnapshot {
    const id = (this.#snapshotId += 1)
    const isCurrent = seq === mirror.snapshots - (mirror.pinnedBefore ?? 0)
    const size = 1_700_000
    const cached = Math.round(mirror.packages * mirror.cached)
    const counts = seq === 1 ? [null, null, null, null, null] : [added, 0, upgraded, 0, replaced]
    this.#run(
      `INSERT INTO snapshot (id, mirror_id, seq, name, created_at, fingerprint, revision, package_count, package_bytes, cached, cached_bytes,
        added, removed, upgraded, downgraded, replaced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      mirrorId,
      seq,
      formatSnapshotName(createdAt),
      createdAt,
      digestOf(Buffer.from(`${id}`)),
      String(Math.round(createdAt / 1000)),
      mirror.packages,
      mirror.packages * size,
      cached,
      cached * size,
      ...counts,
    )
    this.#run(
      "INSERT INTO snapshot_fetch VALUES (?, '', ?, 1, 18_400, 96_000_000, ?)",
      id,
      `https://mirror.example.org/${mirror.name}/x86_64/os/`,
      seq % 3 === 2 ? 1 : 0,
    )
    for (const type of ['repomd', 'primary', 'filelists', 'other'])
      this.#run(
        'INSERT INTO repodata_file VALUES (?, ?, ?, ?, ?)',
        id,
        `repodata/${type}.xml`,
        type,
        digestOf(Buffer.from(`${type} ${id}`)),
        100_000,
      )
    const snapshot = { id, mirrorId, createdAt, isCurrent }
    this.#made.push(snapshot)
    return snapshot
  }

  #names(): string[] {
    return Array.from(
      { length: ROWS },
      (_, at) => `${STEMS[at % STEMS.length]}${TAILS[Math.floor(at / STEMS.length)] ?? ''}`,
    )
  }

  #addPackage(mirrorId: number, name: string, version: number, seq: number): number {
    const source = STEMS.find((stem) => name === stem || name.startsWith(`${stem}-`)) ?? name
    const release = `${1 + (hash('sha1', source).charCodeAt(0) % 5)}.el9`
    const href = `Packages/${name.slice(0, 1)}/${name}-5.${version}.0-${release}.x86_64.rpm`
    const { lastInsertRowid } = this.#run(
      "INSERT INTO package (mirror_id, href_hash, href, first_seq, digest, size, name, epoch, version, release, arch, source) VALUES (?, ?, ?, ?, ?, ?, ?, '0', ?, ?, 'x86_64', ?)",
      mirrorId,
      hashHref(href),
      href,
      seq,
      digestOf(Buffer.from(`${mirrorId} ${href}`)),
      40_000 + hash('sha1', href).charCodeAt(1) * 61_000,
      name,
      `5.${version}.0`,
      release,
      source === name ? '' : source,
    )
    return Number(lastInsertRowid)
  }

  /** Of what left upstream most was cached in time; some is at risk, some is lost. */
  #writeDeparted(mirrorId: number, { atRisk = 0, lost = 0, snapshots, pinnedBefore = 0 }: DemoMirror): void {
    this.#run('UPDATE departed SET state = 0 WHERE mirror_id = ?', mirrorId)
    const seq = snapshots - pinnedBefore
    for (let number = 0; number < atRisk + lost; number += 1) {
      const id = this.#addPackage(
        mirrorId,
        number < lost ? `glusterfs-server${number === 0 ? '' : '-extra'}` : `leftover-${number}`,
        9,
        1,
      )
      this.#run(
        'UPDATE package SET last_seq = ? WHERE id = ?',
        pinnedBefore > 0 ? seq : Math.max(1, snapshots),
        id,
      )
      if (number >= lost) continue
      this.#run('UPDATE departed SET state = 2 WHERE mirror_id = ? AND package_id = ?', mirrorId, id)
      this.#run(
        'INSERT INTO lost_package VALUES (?, ?, ?, 3, ?)',
        mirrorId,
        id,
        DEMO_NOW - 2 * DAY_MS,
        'download.gluster.org: 404; vault: 404',
      )
    }
  }

  #writeChecks(
    mirrorId: number,
    { isDown = false, everyHours, snapshots, newestHours }: DemoMirror,
    made: readonly MadeSnapshot[],
  ): void {
    const add = `INSERT INTO sync_check (mirror_id, first_at, last_at, times, outcome, duration_ms, actor, bytes, snapshot, reason)
      VALUES (?, ?, ?, ?, ?, ?, 'schedule', ?, ?, ?)`
    for (const { createdAt } of made) {
      this.#run(
        add,
        mirrorId,
        createdAt,
        createdAt,
        1,
        'published',
        4_100,
        31 * 2 ** 20,
        formatSnapshotName(createdAt),
        null,
      )
      const until = createdAt + Math.min(everyHours * 0.7, Math.max(0.1, newestHours)) * HOUR_MS
      this.#run(
        add,
        mirrorId,
        createdAt + 1,
        until,
        Math.max(1, Math.round(everyHours / 8)),
        'unchanged',
        84,
        0,
        null,
        null,
      )
    }
    if (isDown)
      this.#run(
        add,
        mirrorId,
        DEMO_NOW - 6.5 * HOUR_MS,
        DEMO_NOW - 0.3 * HOUR_MS,
        12,
        'failed',
        30_000,
        0,
        null,
        'repomd.xml: connection timed out after 30 s, 3 tries',
      )
    else if (snapshots > 10)
      this.#run(
        add,
        mirrorId,
        DEMO_NOW - 8.9 * DAY_MS,
        DEMO_NOW - 8.8 * DAY_MS,
        3,
        'failed',
        30_000,
        0,
        null,
        'repomd.xml: connection timed out after 30 s, 3 tries',
      )
  }

  #writeUsage(mirrorId: number, { hosts }: DemoMirror, current: MadeSnapshot | undefined): void {
    const sketch = new Sketch()
    let total = 0
    for (let number = 0; number < hosts; number += 1) {
      const client = `10.20.${number % 7}.${10 + number}`
      sketch.add(hashMember('demo', client))
      const requests = this.#between(20, 900)
      total += requests
      const agent =
        AGENTS[Math.min(AGENTS.length - 1, Math.floor(((number * number) / (hosts * hosts)) * AGENTS.length))]
      const lastSeen = DEMO_NOW - this.#between(1, 20 * 60) * 60_000
      this.#run(
        'INSERT INTO client_usage VALUES (?, ?, ?, ?, ?, ?, ?)',
        mirrorId,
        client,
        agent,
        requests,
        requests * 90_000,
        DEMO_NOW - 40 * DAY_MS,
        lastSeen,
      )
    }
    const bytes = total * 90_000
    const row = [total, bytes, DEMO_NOW - 40 * DAY_MS, DEMO_NOW - 2 * 60_000, sketch.toBytes()]
    this.#run('INSERT INTO mirror_usage VALUES (?, ?, ?, ?, ?, ?)', mirrorId, ...row)
    for (const agent of AGENTS)
      this.#run('INSERT INTO mirror_agent_usage VALUES (?, ?, ?)', mirrorId, agent, Math.round(total / 4))
    if (current !== undefined)
      this.#run('INSERT INTO snapshot_usage VALUES (?, ?, ?, ?, ?, ?)', current.id, ...row)
  }

  /** Each snapshot was current from its making on; those behind a pin never were. */
  #writeGenerations(): void {
    const open = new Map<number, number>()
    const currentIds = new Map(
      this.#made.filter(({ isCurrent }) => isCurrent).map(({ mirrorId, id }) => [mirrorId, id]),
    )
    let number = 4_600
    for (const { id, mirrorId, createdAt } of this.#made.toSorted((a, b) => a.createdAt - b.createdAt)) {
      if (id > (currentIds.get(mirrorId) ?? 0)) continue
      number += 1
      this.#run(
        "INSERT INTO generation (number, created_at, cause, actor) VALUES (?, ?, 'sync', 'schedule')",
        number,
        createdAt,
      )
      this.#run(
        'UPDATE current_span SET last_generation = ? WHERE mirror_id = ? AND last_generation IS NULL',
        number - 1,
        mirrorId,
      )
      this.#run('INSERT INTO current_span VALUES (?, ?, NULL, ?)', mirrorId, number, id)
      open.set(mirrorId, number)
    }
  }
}
