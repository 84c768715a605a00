import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib'
import type { ByteInput } from './byte-input.ts'

type Engine = Gunzip | ZstdDecompress

/**
 * What is made at a time. Each piece is a thread of the pool woken up, 50 µs: with 64 KiB that came to a fifth of what reading a large primary
 * takes, and larger ones than this gain nothing.
 */
const CHUNK_BYTES = 256 * 1024

/** What `zstd --ultra -22` needs: 128 MiB. Longer windows (`--long=28` and up) are refused, as zstd itself does unless told. */
const ZSTD_WINDOW_LOG_MAX = 27

/** Parallel compressors make a frame of every few hundred kB; each costs some set-up here. */
const MAX_ZSTD_FRAMES = 10_000

/** Feeds the engine till the input, or what the engine makes of it, ends; gives back what follows. Never rejects. */
async function feed(input: ByteInput, engine: Engine): Promise<void> {
  try {
    for (let fedBytes = 0; !engine.destroyed;) {
      const piece = await input.read()
      if (piece === undefined) break
      fedBytes += piece.length
      await new Promise((resolve) => engine.write(piece, resolve))
      const unusedBytes = fedBytes - engine.bytesWritten
      if (unusedBytes === 0) continue
      input.unread(piece.subarray(piece.length - unusedBytes))
      break
    }
    engine.end()
  } catch (thrown) {
    engine.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)))
  }
}

async function* decode(input: ByteInput, engine: Engine): AsyncGenerator<Buffer, void, undefined> {
  try {
    const fed = feed(input, engine)
    for await (const chunk of engine) yield chunk as Buffer
    await fed
  } finally {
    engine.destroy()
  }
}

/**
 * Decompresses gzip, several members too; zeros after them are ignored, as gzip(1) does. Throws an Error that says what is
 * wrong.
 */
export async function* gunzip(input: ByteInput): AsyncGenerator<Buffer, void, undefined> {
  yield* decode(input, createGunzip({ chunkSize: CHUNK_BYTES }))
  for (let rest = await input.read(); rest !== undefined; rest = await input.read()) {
    if (rest.some((byte) => byte !== 0)) throw new Error('trailing garbage')
  }
}

/** Whether a frame, or one to be skipped, begins so: RFC 8878 §3.1. */
export function isZstd(head: Buffer): boolean {
  if (head.length < 4) return false
  const magic = head.readUInt32LE(0)
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50
}

/** Decompresses Zstandard, several frames too. Throws an Error that says what is wrong. */
export async function* unzstd(input: ByteInput): AsyncGenerator<Buffer, void, undefined> {
  const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX }
  for (let frame = 1; ; frame++) {
    // Node's engine ends with a frame whenever its piece of input goes on behind it.
    yield* decode(input, createZstdDecompress({ chunkSize: CHUNK_BYTES, params }))
    const rest = await input.peek(1)
    if (rest.length === 0) return
    if (frame === MAX_ZSTD_FRAMES) throw new Error(`more than ${MAX_ZSTD_FRAMES} frames`)
  }
}
