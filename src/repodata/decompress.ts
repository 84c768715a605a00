import { Bunzip } from './bunzip.ts'
import { ByteInput } from './byte-input.ts'
import { gunzip, isZstd, unzstd } from './inflate.ts'
import { malformed } from './malformed.ts'
import { unxz } from './unxz.ts'

interface Compression {
  readonly name: string
  readonly begins: (head: Buffer) => boolean
  readonly decode: (input: ByteInput) => AsyncGenerator<Buffer, void, undefined>
}

async function* bunzip(input: ByteInput): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new Bunzip()
  for (;;) {
    const piece = await input.read()
    if (piece !== undefined) decoder.write(piece)
    for (;;) {
      const block = decoder.next(piece === undefined)
      if (block === undefined) break
      yield block
    }
    if (piece === undefined) return
  }
}

async function* copy(input: ByteInput): AsyncGenerator<Buffer, void, undefined> {
  for (let piece = await input.read(); piece !== undefined; piece = await input.read()) yield piece
}

function startsWith(...magic: number[]): (head: Buffer) => boolean {
  return (head) => head.subarray(0, magic.length).equals(Buffer.from(magic))
}

/** Told by magic number, since neither file names nor Content-Type can be relied on. */
const COMPRESSIONS: readonly Compression[] = [
  { name: 'gzip', begins: startsWith(0x1f, 0x8b), decode: gunzip },
  { name: 'zstd', begins: isZstd, decode: unzstd },
  { name: 'xz', begins: startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), decode: unxz },
  { name: 'bzip2', begins: startsWith(0x42, 0x5a, 0x68), decode: bunzip },
]
const MAGIC_BYTES = 6
const PLAIN: Compression = { name: 'plain', begins: () => true, decode: copy }

/**
 * Decompresses gzip, zstd, xz or bzip2, told by the first bytes; anything else passes as it is. Pulls from the source only as
 * its own consumer pulls, holds no more than one window or block (128 MiB for the largest zstd window), and lets go of the
 * source when its consumer stops early. The source's own errors pass unchanged.
 * Throws REPODATA_MALFORMED, naming the compression, for input that is corrupt, cut short or followed by something else, and
 * when there is more output than `maxBytes` (default: no limit).
 */
export async function* decompress(
  source: AsyncIterable<Buffer>,
  options: { readonly maxBytes?: number } = {},
): AsyncGenerator<Buffer, void, undefined> {
  const { maxBytes = Number.POSITIVE_INFINITY } = options
  const input = new ByteInput(source)
  let compression = PLAIN
  let outputBytes = 0
  try {
    const head = await input.peek(MAGIC_BYTES)
    compression = COMPRESSIONS.find(({ begins }) => begins(head)) ?? PLAIN
    for await (const chunk of compression.decode(input)) {
      outputBytes += chunk.length
      if (outputBytes > maxBytes) throw new Error(`larger than ${maxBytes} bytes`)
      yield chunk
    }
  } catch (thrown) {
    if (input.failure !== undefined) throw input.failure.thrown
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw malformed(`decompressing ${compression.name}`, reason, thrown)
  } finally {
    await input.close()
  }
}
