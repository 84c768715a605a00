import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { test } from 'node:test'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { decompress } from '../../src/repodata/decompress.ts'
import { PrimaryScanner } from '../../src/repodata/primary-scanner.ts'
import { readPrimary } from '../../src/repodata/primary.ts'
import { collect, everyBytes, randomPieces, stream } from './pieces.ts'
import { PrimaryGenerator } from './primary-generator.ts'
import { readByOracle } from './primary-oracle.ts'
import { Random } from '../support/random.ts'
import { findRealFiles, NEEDS_REAL_FILES, realFile } from './real-files.ts'

const DOCUMENTS = 2000
const MUTATIONS = 1500

function scanPieces(pieces: Iterable<Buffer>): PackageRecord[] {
  const scanner = new PrimaryScanner()
  const packages: PackageRecord[] = []
  for (const piece of pieces) packages.push(...scanner.scan(piece).packages)
  return [...packages, ...scanner.finish().packages]
}

async function readAll(chunks: AsyncIterable<Buffer>): Promise<PackageRecord[]> {
  return (await Array.fromAsync(readPrimary(chunks))).flatMap((batch) => batch.packages)
}

/** The records, or the code of the error that refused the document. */
function outcomeOf(pieces: Iterable<Buffer>): unknown {
  try {
    return scanPieces(pieces)
  } catch (thrown) {
    if (thrown instanceof PinyonError) return thrown.code
    throw thrown
  }
}

test('documents written in every way XML allows are read as fast-xml-parser reads them', async () => {
  for (let seed = 0; seed < DOCUMENTS; seed++) {
    const random = new Random(seed)
    const { bytes, text } = new PrimaryGenerator(random).document()
    const expected = readByOracle(text)
    assert.deepEqual(scanPieces(randomPieces(bytes, random)), expected, `seed ${seed}`)
    if (seed % 10 > 0) continue
    assert.deepEqual(await readAll(stream(randomPieces(bytes, random))), expected, `seed ${seed}`)
  }
})

test('a damaged document is read or refused the same, however it is cut, and never fails otherwise', () => {
  let refused = 0
  for (let seed = 0; seed < MUTATIONS; seed++) {
    const random = new Random(seed)
    const { bytes } = new PrimaryGenerator(random).document()
    const damaged = damage(bytes, random)
    const outcome = outcomeOf([damaged])
    if (random.once(20))
      assert.deepEqual(outcomeOf(everyBytes(damaged, 1)), outcome, `seed ${seed}, in bytes`)
    assert.deepEqual(outcomeOf(randomPieces(damaged, random)), outcome, `seed ${seed}`)
    if (outcome === 'REPODATA_MALFORMED') refused++
  }
  assert.ok(refused > MUTATIONS / 2, `${refused} of ${MUTATIONS} refused`)
})

/** Cuts out, doubles, overwrites or inserts something. */
function damage(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length)
  const length = 1 + random.below(random.pick([1, 10, 300]))
  const [before, part, after] = [
    bytes.subarray(0, at),
    bytes.subarray(at, at + length),
    bytes.subarray(at + length),
  ]
  const inserted = random.pick([
    '<',
    '>',
    '"',
    '&',
    '</package>',
    '<package',
    '<!--',
    '<![CDATA[',
    '\0',
    '\xff',
    'x',
  ])
  const changes = [
    [before, after],
    [before, part, part, after],
    [before, Buffer.from(inserted, 'latin1'), part, after],
    [before, Buffer.from(inserted, 'latin1'), after],
  ]
  return Buffer.concat(random.pick(changes))
}

const PRIMARIES = findRealFiles('**/*primary*.xml{,.gz,.zst,.xz,.bz2}')

/** No checksum, no document around the packages, nothing at all. */
const BROKEN: Record<string, RegExp> = {
  'createrepo_c-broken-xml/error_00-primary.xml': /package "fake_bash": missing: checksum$/,
  'createrepo_c-broken-xml/snippets/primary_snippet_01.xml': /expected <metadata>, found "<package /,
  'createrepo_c-broken-xml/snippets/primary_snippet_02.xml': /expected <metadata>, found "<package /,
  'suse-zchunk-zerobyte/repodata/primary.xml.gz': /truncated: no root element$/,
}

test('real primaries are read as fast-xml-parser reads them', NEEDS_REAL_FILES, async (t) => {
  for (const path of PRIMARIES.filter((path) => !(path in BROKEN))) {
    await t.test(path, async () => {
      const bytes = await collect(decompress(createReadStream(realFile(path))))
      const expected = readByOracle(bytes.toString('utf8'))
      assert.deepEqual(await readAll(stream(everyBytes(bytes, 100_000))), expected)
      assert.deepEqual(scanPieces([bytes]), expected)
    })
  }
})

test('broken primaries are refused with the reason', NEEDS_REAL_FILES, async (t) => {
  for (const [path, reason] of Object.entries(BROKEN)) {
    await t.test(path, async () => {
      const reading = readAll(decompress(createReadStream(realFile(path))))
      await assert.rejects(reading, { code: 'REPODATA_MALFORMED', message: reason })
    })
  }
})
