import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { FillTable } from '../../../src/cache/fill-table.ts'
import type { FillSource } from '../../../src/cache/source-race.ts'
import { digestOf } from '../../../src/model/digest.ts'
import { PinyonError } from '../../../src/model/errors.ts'
import type { ListedFile } from '../../../src/snapshot/departed/departed.ts'
import { PackageFetches, type PackageSource } from '../../../src/snapshot/prefetch/package-fetches.ts'
import { Throttle } from '../../../src/upstream/throttle.ts'

const BASEURL = 'http://upstream.example/'
const DIGEST = digestOf('a package')
const SNAPSHOT = { mirror: 'm', mirrorId: 1, seq: 2 }
const FILE = { digest: DIGEST, size: 8, snapshot: SNAPSHOT, path: 'a-1-1.noarch.rpm', isPackage: true }

/** A package that upstream lists no more. */
const DEPARTED: ListedFile = {
  packageId: 7,
  mirrorId: 1,
  mirror: 'm',
  name: 'a',
  epoch: '0',
  version: '1',
  release: '1',
  arch: 'noarch',
  href: FILE.path,
  digest: DIGEST,
  size: 8,
  departure: {
    state: 'at_risk',
    lastSeq: 2,
    leftAt: 0,
    lastSnapshot: undefined,
    isReplaced: false,
    lost: undefined,
  },
}

/** Fetches from one source that gives two pieces of other bytes, for a fill that asks it as the test says and fails. */
async function openFailing(
  ask: (source: FillSource) => Promise<void>,
  recordLost?: (fetches: PackageFetches) => Promise<void>,
) {
  const lost: string[] = []
  const found: { listed: ListedFile } = { listed: DEPARTED }
  const upstream: PackageSource = {
    baseurls: [BASEURL],
    get: async () => ({ status: 200, baseurl: BASEURL, validators: {}, body: pieces() }),
  }
  const failure = new PinyonError('UPSTREAM_SHORT', 'the fill has failed')
  let asked = Promise.resolve()
  const reader = {
    verified: async () => {
      await asked
      throw failure
    },
    release: () => undefined,
  }
  const fills = {
    read: (_file: unknown, source: FillSource) => {
      asked = ask(source)
      return { reader, outcome: 'fill' }
    },
  }
  const fetches: PackageFetches = new PackageFetches({
    fills: fills as unknown as FillTable,
    sourcesOf: () => ({ upstream, fallback: undefined }),
    departed: {
      find: async () => found.listed,
      recordLost: async (_file, _atMs, answers) => {
        lost.push(answers)
        await recordLost?.(fetches)
      },
    },
    throttle: new Throttle(() => undefined),
    now: () => 0,
  })
  const opened = await fetches.open(FILE, { isUrgent: true })
  const error = await opened.verified().then(
    () => assert.fail('it has to fail'),
    (thrown: unknown) => thrown as PinyonError,
  )
  opened.release()
  return { error, lost, fetches, found }
}

async function* pieces() {
  yield Buffer.from('othe')
  yield Buffer.from('r bytes')
}

/** Reads a piece, has something happen, and reads on no more. */
async function readPiece(source: FillSource, controller: AbortController, then: () => void): Promise<void> {
  const body = (await source(0, controller.signal))[Symbol.asyncIterator]()
  assert.equal((await body.next()).value?.length, 4)
  then()
  await body.return?.()
}

test('a source that was broken off by us has not said that it has other bytes: nothing is lost by that', async () => {
  const { error, lost } = await openFailing((source) => {
    const controller = new AbortController()
    return readPiece(source, controller, () => controller.abort())
  })
  assert.equal(error.code, 'UPSTREAM_SHORT')
  assert.deepEqual(lost, [])
})

test('a source whose bytes nobody wants to the end has other bytes, and a package that no other has is lost', async () => {
  const { error, lost } = await openFailing((source) =>
    readPiece(source, new AbortController(), () => undefined),
  )
  assert.equal(error.code, 'PACKAGE_LOST')
  assert.deepEqual(lost, [`${BASEURL} has other bytes`])
})

test('a source whose bytes came to their end and were wrong has other bytes', async () => {
  const { error, lost } = await openFailing(async (source) => {
    for await (const piece of await source(0, new AbortController().signal)) assert.ok(piece.length > 0)
  })
  assert.equal(error.code, 'PACKAGE_LOST')
  assert.deepEqual(lost, [`${BASEURL} has other bytes`])
})

/** Has the only source give other bytes. */
const readAPiece = (source: FillSource) => readPiece(source, new AbortController(), () => undefined)

test('a package whose loss the store could not note is not asked for again either, until upstream lists it again', async () => {
  const { fetches, found } = await openFailing(readAPiece, async () => {
    throw new PinyonError('STORE_FAILED', 'the disk is full')
  })
  await assert.rejects(fetches.open(FILE, { isUrgent: true }), { code: 'PACKAGE_LOST' })
  const { departure: _, ...listedAgain } = DEPARTED
  found.listed = listedAgain
  const reader = await fetches.open(FILE, { isUrgent: true })
  reader.release()
  found.listed = DEPARTED
  const again = await fetches.open(FILE, { isUrgent: true })
  again.release()
})

test('a package is not asked for again while the store is noting that it is lost', async () => {
  const codes: string[] = []
  await openFailing(readAPiece, async (fetches) => {
    const refused = fetches.open(FILE, { isUrgent: true })
    codes.push(await refused.then(() => 'asked again', toCode))
  })
  assert.deepEqual(codes, ['PACKAGE_LOST'])
})

function toCode(error: unknown): string {
  return (error as PinyonError).code
}
