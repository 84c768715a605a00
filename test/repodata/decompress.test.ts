import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { decompress } from '../../src/repodata/decompress.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { collect, everyBytes, randomPieces, stream } from './pieces.ts'
import { Random } from '../support/random.ts'
import { NEEDS_REAL_FILES, realFile } from './real-files.ts'

/** Compressible and not, and larger than a block of any format used here. */
const CONTENT = Buffer.concat([
  Buffer.from('<package type="rpm">\n'.repeat(60_000)),
  seededBytes('content', 200_000),
])

/** "pinyon\n" by xz 5.4 and bzip2 1.0, which Node cannot write. */
const SMALL = 'pinyon\n'
const XZ = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQAGcGlueW9uCgAAxe/sT3aOclkAAR8HFi64cx+2830BAAAAAARZWg==',
  'base64',
)
const BZIP2 = Buffer.from('QlpoOTFBWSZTWcZKZHEAAALBgAAQACHAICAAIg08gwCAK0XckU4UJDGSmRxA', 'base64')

/** As zstd(1) and createrepo_c write it; else a changed byte may go unnoticed. */
const CHECKED = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }

const FORMATS = [
  { name: 'gzip', compressed: gzipSync(CONTENT), content: CONTENT },
  { name: 'zstd', compressed: zstdCompressSync(CONTENT, CHECKED), content: CONTENT },
  { name: 'xz', compressed: XZ, content: Buffer.from(SMALL) },
  { name: 'bzip2', compressed: BZIP2, content: Buffer.from(SMALL) },
]

async function decompressed(pieces: Iterable<Buffer>, maxBytes?: number): Promise<Buffer> {
  return collect(decompress(stream(pieces), maxBytes === undefined ? {} : { maxBytes }))
}

/** As deepEqual, which would print all the bytes. */
function same(found: Buffer, expected: Buffer, what = ''): void {
  assert.ok(found.equals(expected), `${what} ${found.length} bytes, expected ${expected.length}`)
}

function refusal(name: string, reason: RegExp | string): { code: string; message: RegExp } {
  const source = typeof reason === 'string' ? reason : reason.source
  return { code: 'REPODATA_MALFORMED', message: new RegExp(`^decompressing ${name}: .*(?:${source})`) }
}

for (const { name, compressed, content } of FORMATS) {
  describe(name, () => {
    test('comes out as it went in, however it is cut', async () => {
      same(await decompressed([compressed]), content)
      same(
        await decompressed(everyBytes(compressed.subarray(0, 300), 1).concat(compressed.subarray(300))),
        content,
      )
      for (let seed = 0; seed < 10; seed++) {
        same(await decompressed(randomPieces(compressed, new Random(seed))), content)
      }
    })

    test('in several members, in one piece or a piece each', async () => {
      const twice = Buffer.concat([content, content])
      same(await decompressed([compressed, compressed]), twice)
      same(await decompressed([Buffer.concat([compressed, compressed])]), twice)
      same(await decompressed(everyBytes(Buffer.concat([compressed, compressed]), 1000)), twice)
    })

    test('cut short is refused', async () => {
      const lengths = [8, compressed.length - 1, Math.floor(compressed.length / 2)]
      for (const length of lengths) {
        await assert.rejects(
          decompressed([compressed.subarray(0, length)]),
          refusal(name, 'unexpected end of file'),
        )
      }
      const second = compressed.subarray(0, 9)
      await assert.rejects(decompressed([compressed, second]), refusal(name, 'unexpected end of file'))
      await assert.rejects(
        decompressed([Buffer.concat([compressed, second])]),
        refusal(name, 'unexpected end of file'),
      )
    })

    test('followed by something else is refused', async () => {
      const garbage = Buffer.from('garbage that is nothing')
      await assert.rejects(decompressed([compressed, garbage]), refusal(name, ''))
      await assert.rejects(decompressed([Buffer.concat([compressed, garbage])]), refusal(name, ''))
    })

    test('with a byte changed is refused, or comes out right', async () => {
      for (let seed = 0; seed < 30; seed++) {
        const random = new Random(seed)
        const damaged = Buffer.from(compressed)
        const at = 6 + random.below(damaged.length - 6)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8))
        const result = await decompressed([damaged]).catch((thrown: unknown) => thrown)
        if (result instanceof PinyonError) assert.equal(result.code, 'REPODATA_MALFORMED')
        else same(result as Buffer, content)
      }
    })

    test('larger than allowed is refused, exactly', async () => {
      same(await decompressed([compressed], content.length), content)
      const less = content.length - 1
      await assert.rejects(decompressed([compressed], less), refusal(name, `larger than ${less} bytes`))
    })

    test('a consumer that stops lets go of the source, and leaves the decoder to others', async () => {
      let closed = 0
      async function* source(): AsyncGenerator<Buffer, void, undefined> {
        try {
          for (;;) yield compressed
        } finally {
          closed++
        }
      }
      for await (const chunk of decompress(source())) if (chunk.length > 0) break
      assert.equal(closed, 1)
      same(await decompressed([compressed]), content)
    })

    test("the source's own error passes unchanged", async () => {
      const failure = new PinyonError('UPSTREAM_TIMEOUT', 'no bytes from upstream for: 30 s')
      async function* source(): AsyncGenerator<Buffer, void, undefined> {
        yield compressed.subarray(0, compressed.length - 4)
        throw failure
      }
      await assert.rejects(collect(decompress(source())), (thrown) => thrown === failure)
    })
  })
}

test('what is not compressed passes as it is', async () => {
  for (const plain of ['', '<', '<?xml version="1.0"?>', 'BZ', '\x1f', '(\xb5/']) {
    const bytes = Buffer.from(plain, 'latin1')
    same(await decompressed(everyBytes(bytes, 1)), bytes)
  }
  await assert.rejects(decompressed([Buffer.from('12345')], 4), refusal('plain', 'larger than 4 bytes'))
})

test('gzip may be padded with zeros, and with nothing behind them', async () => {
  const [padding, garbage] = [Buffer.alloc(512), Buffer.from('x')]
  const compressed = gzipSync(CONTENT)
  same(await decompressed([compressed, padding]), CONTENT)
  same(await decompressed([Buffer.concat([compressed, padding])]), CONTENT)
  await assert.rejects(decompressed([compressed, padding, garbage]), refusal('gzip', 'trailing garbage'))
})

test('bzip2 cut short after its header is refused', async () => {
  await assert.rejects(decompressed([BZIP2.subarray(0, 4)]), refusal('bzip2', 'unexpected end of file'))
})

test('bzip2 of nothing, over and over, is refused before it has cost anything', async () => {
  const empty = Buffer.from('425a683917724538509000000000', 'hex')
  same(
    await decompressed([Buffer.concat([BZIP2, Buffer.alloc(1_000 * empty.length, empty), BZIP2])]),
    Buffer.from(SMALL + SMALL),
  )
  const startedAt = process.cpuUsage()
  await assert.rejects(
    decompressed([Buffer.alloc(1_000_000 * empty.length, empty)]),
    refusal('bzip2', 'more than 10000 streams'),
  )
  // Clearing a block's memory for each of them took eight seconds.
  assert.ok(process.cpuUsage(startedAt).user < 3_000_000)
})

test('zstd with frames to be skipped, as parallel compressors write them', async () => {
  const skipped = Buffer.from('502a4d180400000001020304', 'hex')
  const frame = zstdCompressSync(CONTENT)
  same(
    await decompressed([Buffer.concat([skipped, frame, skipped, frame])]),
    Buffer.concat([CONTENT, CONTENT]),
  )
})

/** A frame whose header states the window and not the content's size, and one empty last block: RFC 8878 §3.1.1. */
function emptyFrame(windowLog: number): Buffer {
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (windowLog - 10) << 3, 0x01, 0x00, 0x00])
}

test('zstd windows of 128 MiB are read, and larger ones refused', async () => {
  same(await decompressed([emptyFrame(27)]), Buffer.alloc(0))
  await assert.rejects(decompressed([emptyFrame(28)]), refusal('zstd', 'too much memory'))
  const long = zstdCompressSync(CONTENT, {
    params: { [constants.ZSTD_c_compressionLevel]: 22, [constants.ZSTD_c_windowLog]: 27 },
  })
  same(await decompressed([long]), CONTENT)
})

test('pulls no further ahead than its consumer needs', async () => {
  for (const { name, compressed } of FORMATS) {
    let pulled = 0
    async function* source(): AsyncGenerator<Buffer, void, undefined> {
      for (; pulled < 1000; pulled++) yield compressed
    }
    const chunks = decompress(source())
    await chunks.next()
    // bzip2 is decoded a block at a time, once there are as many bytes as one may take.
    const enough = name === 'bzip2' ? 1000 : 10
    assert.ok(pulled <= enough, `${name}: ${pulled} pieces`)
    await chunks.return()
  }
})

test('real files in every compression give the same', NEEDS_REAL_FILES, async () => {
  const folder = realFile('createrepo_c-compressed')
  const plain = readFileSync(join(folder, '01_plain.txt'))
  for (const extension of ['gz', 'bz2', 'xz', 'zst']) {
    const compressed = readFileSync(join(folder, `01_plain.txt.${extension}`))
    same(await decompressed([compressed]), plain, extension)
  }
})
