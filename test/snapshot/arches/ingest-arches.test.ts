import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BlobStore } from '../../../src/cache/blob-store.ts'
import { digestOf } from '../../../src/model/digest.ts'
import { PinyonError } from '../../../src/model/errors.ts'
import { ingestArches, type ArchPart } from '../../../src/snapshot/arches/ingest-arches.ts'
import type { Candidate, Publication, PublishedSnapshot, Snapshot } from '../../../src/snapshot/store.ts'
import { formatElement, formatPrimary } from '../primary-text.ts'

const PRIMARY = Buffer.from(formatPrimary([formatElement('app')]))
const DEFECT = { path: 'repodata/primary.xml', kind: 'count', message: 'found then' } as const

/** Holds the one primary, and says how often it was read. */
class OneBlob {
  opened = 0

  async open() {
    this.opened += 1
    return {
      size: PRIMARY.length,
      read: async (target: Buffer, at: number) => PRIMARY.copy(target, 0, at),
      close: () => undefined,
    }
  }
}

function partOf(arch: string, kept?: ArchPart['kept']): ArchPart {
  const file = { path: 'repodata/primary.xml', type: 'primary', digest: digestOf(PRIMARY) }
  const candidate: Candidate = {
    mirror: 'm',
    fingerprint: digestOf(arch),
    revision: undefined,
    files: [{ ...file, size: PRIMARY.length }],
    defects: [],
  }
  const job = { candidate, acceptedMissing: undefined, strict: false, checks: [file], nowMs: 0 }
  return { arch, job, ...(kept === undefined ? {} : { kept }) }
}

/** A store that takes down what is published; before that, it refuses what is kept of these snapshots. */
function createWriter(outdated: readonly number[] = []) {
  const published: { hrefs: readonly string[]; kept: Publication['kept']; candidate: Candidate }[] = []
  const publish = async (publication: Publication): Promise<PublishedSnapshot> => {
    const hrefs: string[] = []
    for await (const batch of publication.packages) hrefs.push(...batch.map(({ href }) => href))
    const candidate = await publication.complete([])
    const { kept } = publication
    if (kept !== undefined && outdated.includes(kept.snapshotId))
      throw new PinyonError('REPODATA_MOVING', 'another snapshot came meanwhile')
    published.push({ hrefs, kept, candidate })
    return { snapshot: {} as Snapshot, generation: 1, added: 0, removed: 0, replaced: 0 }
  }
  return { published, store: { publish } }
}

async function ingest(parts: readonly ArchPart[], outdated?: readonly number[]) {
  const [blob, writer] = [new OneBlob(), createWriter(outdated)]
  const context = { blobs: blob as unknown as BlobStore, store: writer.store }
  await ingestArches({ mirror: 'm', parts, nowMs: 0 }, context)
  const [one] = writer.published
  return { ...(one ?? assert.fail()), opened: blob.opened }
}

const HREF = /app/

test('what the newest snapshot has is not read, and what was found wrong with it stays', async () => {
  const kept = { snapshotId: 7, found: [DEFECT] }
  const { hrefs, candidate, opened, ...rest } = await ingest([partOf('aarch64', kept), partOf('x86_64')])
  assert.equal(opened, 1)
  assert.deepEqual(rest.kept, { snapshotId: 7, arches: ['aarch64'] })
  assert.equal(hrefs.length, 1)
  assert.match(hrefs[0] ?? '', /^x86_64\/.*app/)
  assert.deepEqual(candidate.defects, [{ ...DEFECT, path: `aarch64/${DEFECT.path}` }])
  assert.deepEqual(
    candidate.arches?.map(({ arch }) => arch),
    ['aarch64', 'x86_64'],
  )
})

test('where another snapshot has become the newest, all is read', async () => {
  const kept = { snapshotId: 7, found: [DEFECT] }
  const found = await ingest([partOf('aarch64', kept), partOf('x86_64')], [7])
  assert.deepEqual([found.kept, found.candidate.defects], [undefined, []])
  assert.deepEqual(
    found.hrefs.map((href) => href.replace(/\/.*/, '')),
    ['aarch64', 'x86_64'],
  )
  for (const href of found.hrefs) assert.match(href, HREF)
})

test('of parts of two snapshots, as one was published meanwhile, only those of the last are kept', async () => {
  const parts = [
    partOf('aarch64', { snapshotId: 6, found: [] }),
    partOf('x86_64', { snapshotId: 7, found: [] }),
  ]
  const { kept, hrefs } = await ingest(parts)
  assert.deepEqual(kept, { snapshotId: 7, arches: ['x86_64'] })
  assert.match(hrefs.join(' '), /^aarch64\/\S+$/)
})

test('with strict, what was found wrong before refuses it as what is found now', async () => {
  const part = partOf('aarch64', { snapshotId: 7, found: [DEFECT] })
  const strict = { ...part, job: { ...part.job, strict: true } }
  await assert.rejects(ingest([strict]), /aarch64: strict: .*found then/)
})
