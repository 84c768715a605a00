import assert from 'node:assert/strict'
import { digestOf } from '../../src/model/digest.ts'
import type { PackageRecord } from '../../src/model/repodata.ts'
import type {
  Candidate,
  CandidateFile,
  Defect,
  PublishedSnapshot,
  SnapshotStore,
  SnapshotWriter,
} from '../../src/snapshot/store.ts'

/** 2016-12-13 13:30 UTC. */
export const NOON = Date.UTC(2016, 11, 13, 13, 30)

/** What of a package the store keeps; content is any text that its digest is made of. */
export function createPackage(href: string, content = '1'): PackageRecord {
  const checksum = digestOf(`${href} ${content}`)
  const name = href.replace(/^.*\//, '')
  return {
    href,
    checksum,
    size: content.length,
    name,
    epoch: '0',
    version: content,
    release: '1',
    arch: 'noarch',
  }
}

/** A snapshot to publish; what is not told is empty. */
export interface SimplePublication {
  readonly mirror?: string
  readonly packages?: readonly PackageRecord[]
  readonly files?: readonly CandidateFile[]
  readonly defects?: readonly Defect[]
  readonly nowMs?: number
  readonly actor?: string
  readonly candidate?: Partial<Candidate>
}

/** Publishes packages that are at hand, in batches of three. */
export async function publishSimply(
  store: Pick<SnapshotWriter, 'publish'>,
  publication: SimplePublication = {},
): Promise<PublishedSnapshot> {
  const { mirror = 'm', packages = [], files = [], defects = [], nowMs = NOON } = publication
  return await store.publish({
    mirror,
    nowMs,
    ...(publication.actor === undefined ? {} : { actor: publication.actor }),
    packages: inBatches(packages, 3),
    complete: async (duplicates) => ({
      mirror,
      fingerprint: digestOf(`${nowMs}`),
      revision: undefined,
      files,
      defects: [...defects, ...duplicates],
      seen: { baseurl: 'http://u/', etag: '"e"', lastModified: undefined, digest: digestOf('repomd') },
      ...publication.candidate,
    }),
  })
}

/** The same items, that many at a time. */
export async function* inBatches<T>(items: readonly T[], size: number): AsyncGenerator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}

/**
 * Holds where listed mirrors did nothing but publish: each publication is one generation and one snapshot, so the current
 * snapshots' numbers add up to the generation's, and a mirror's current snapshot is as new as its snapshots are many.
 */
export async function checkWholeGeneration(reader: SnapshotStore): Promise<number> {
  const { generation, current } = await reader.index()
  assert.equal(
    [...current.values()].reduce((sum, { seq }) => sum + seq, 0),
    generation,
  )
  for (const state of await reader.mirrors()) assert.equal(state.current?.seq ?? 0, state.snapshotCount)
  return generation
}
