import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import Database from 'better-sqlite3'

import { isMissing } from '../../src/cache/file-descriptor.ts'
import { temporaryOwner } from '../../src/cache/layout.ts'
import { digestOf } from '../../src/model/digest.ts'
import { httpGet } from '../support/http-get.ts'
import type { Generation, Generations } from './generations.ts'

/** What clients have been told and given so far: what must still hold after a crash. */
export interface Witness {
  /** Snapshots seen in an index, by name, and the generation of upstream each is of. */
  readonly snapshots: Map<string, Generation>
  /** Packages whose whole body some client got. */
  readonly delivered: Set<string>
  /** The highest generation of the index that was seen. */
  indexGeneration: number
  /** The newest so many snapshots are never retired. */
  readonly keep: number
  /** Whether a delivered package may have been evicted while upstream had it. */
  readonly evicts: boolean
}

/** Checks every promise of the design's §3 that a crash could break, against what clients witnessed before it. */
export async function checkPromises(
  url: string,
  dataDir: string,
  upstream: Generations,
  witness: Witness,
): Promise<void> {
  await checkDisk(dataDir)
  const generation = checkDatabase(dataDir)
  assert.ok(generation >= witness.indexGeneration, `generation ${witness.indexGeneration} was lost`)
  witness.indexGeneration = generation
  const names = await checkIndexes(url)
  const all = (await readJson(`${url}/api/v1/mirrors/m/snapshots`)) as { snapshots?: { name: string }[] }
  const published = (all.snapshots ?? []).map(({ name }) => name)
  // Some may have been published that nobody has seen until now.
  const known = [...new Set([...witness.snapshots.keys(), ...published])].toSorted()
  const kept = known.slice(-witness.keep)
  for (const name of kept) assert.ok(published.includes(name), `snapshot ${name} is gone`)
  for (const name of names) assert.equal(name, published[0], 'current is the newest snapshot')
  for (const name of published) await checkSnapshot({ url, name, upstream, witness })
}

/** Nothing temporary of a dead process is left, no sign of life but the server's own, and every blob has its digest. */
export async function checkDisk(dataDir: string): Promise<void> {
  const alive = (await readdir(join(dataDir, 'run'))).filter((name) => name.endsWith('.alive'))
  assert.equal(alive.length, 1, `signs of life: ${alive.join(' ')}`)
  // What was published is fetched ahead from then on, so there may be files of the server's own.
  const temporary = await readdir(join(dataDir, 'blobs.v1/temporary'))
  assert.deepEqual(
    temporary.filter((name) => `${temporaryOwner(name)}.alive` !== alive[0]),
    [],
  )
  const directory = join(dataDir, 'blobs.v1/sha256')
  for (const prefix of await readdir(directory).catch(() => [])) {
    for (const rest of await readdir(join(directory, prefix))) {
      const found = await hashFile(join(directory, prefix, rest))
      if (found !== undefined) assert.equal(found, prefix + rest, 'a blob has the digest it is named by')
    }
  }
}

/** Undefined for what the server, which is at work by now, has evicted since it was listed. */
async function hashFile(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  return hash.digest('hex')
}

/** The database is whole. Returns the newest generation of the index. */
export function checkDatabase(dataDir: string): number {
  const database = new Database(join(dataDir, 'pinyon.db'), { readonly: true })
  try {
    assert.equal(database.pragma('integrity_check', { simple: true }), 'ok')
    assert.deepEqual(database.pragma('foreign_key_check'), [])
    return database.prepare('SELECT coalesce(max(number), 0) FROM generation').pluck().get() as number
  } finally {
    database.close()
  }
}

/** All formats and latest.txt name one snapshot, or none of them names any. */
export async function checkIndexes(url: string): Promise<readonly string[]> {
  const json = (await readJson(`${url}/repos/yum/all_latest.json`)) as {
    latest_ci_repos: Record<string, string>
  }
  const target = json.latest_ci_repos['m']
  const texts = await Promise.all(
    ['yaml', 'py', 'html'].map(async (format) =>
      (await httpGet(`${url}/repos/yum/all_latest.${format}`)).body.toString(),
    ),
  )
  const latest = await httpGet(`${url}/repos/yum/m/latest.txt`)
  if (target === undefined) {
    // Before its first sync has ended it is not there yet.
    assert.ok([404, 503].includes(latest.status), String(latest.status))
    for (const text of texts) assert.ok(!text.includes('/repos/yum/m/'))
    return []
  }
  const name = latest.body.toString().trimEnd()
  assert.equal(target, `${url}/repos/yum/m/${name}`)
  for (const text of texts) assert.ok(text.includes(target))
  return [name]
}

/** The generation of upstream that a snapshot is of. */
export async function generationOf(url: string, name: string, upstream: Generations): Promise<Generation> {
  const repomd = await httpGet(`${url}/repos/yum/m/${name}/repodata/repomd.xml`)
  if (!repomd.complete) throw new Error(`repomd.xml of ${name} was cut`)
  const generation = upstream.all.find((one) => one.repomd === digestOf(repomd.body))
  assert.ok(generation !== undefined, `repomd.xml of ${name} is no generation of upstream`)
  return generation
}

interface SnapshotCheck {
  readonly url: string
  readonly name: string
  readonly upstream: Generations
  readonly witness: Witness
}

async function checkSnapshot({ url, name, upstream, witness }: SnapshotCheck): Promise<void> {
  const base = `${url}/repos/yum/m/${name}`
  const generation = await generationOf(url, name, upstream)
  const known = witness.snapshots.get(name)
  if (known !== undefined) assert.equal(generation.number, known.number, `snapshot ${name} changed`)
  witness.snapshots.set(name, generation)
  for (const [path, digest] of generation.repodata) await checkFile(`${base}/${path}`, digest, 'hit')
  for (const [path, digest] of generation.packages) {
    if (witness.delivered.has(path))
      await checkFile(`${base}/${path}`, digest, witness.evicts ? undefined : 'hit')
    else
      assert.equal(
        (await httpGet(`${base}/${path}`, { method: 'HEAD' })).status,
        200,
        `${name} lists ${path}`,
      )
  }
}

/** Right after a collection: what is entered is what is on the disk. */
export function checkLedger(dataDir: string): void {
  const database = new Database(join(dataDir, 'pinyon.db'), { readonly: true })
  try {
    const entered = database.prepare('SELECT digest FROM blob ORDER BY digest').pluck().all() as string[]
    const blobs = join(dataDir, 'blobs.v1/sha256')
    const onDisk = readdirSync(blobs).flatMap((start) =>
      readdirSync(join(blobs, start)).map((rest) => `sha256:${start}${rest}`),
    )
    assert.deepEqual(onDisk.toSorted(), entered)
  } finally {
    database.close()
  }
}

/** A file is answered whole and right, with this outcome. */
export async function checkFile(url: string, digest: string, outcome?: string): Promise<void> {
  const reply = await httpGet(url)
  assert.equal(reply.status, 200, `${url}: ${reply.body.toString().slice(0, 200)}`)
  assert.ok(reply.complete, `${url} was cut`)
  assert.equal(digestOf(reply.body), digest, `${url} has wrong bytes`)
  if (outcome !== undefined) assert.equal(reply.headers['x-cache'], outcome, url)
}

/** What an API answers; nothing for what is not there. */
export async function readJson(url: string): Promise<unknown> {
  const reply = await httpGet(url)
  return reply.status === 404 ? {} : (JSON.parse(reply.body.toString()) as unknown)
}
