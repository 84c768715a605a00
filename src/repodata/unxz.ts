import xz from 'xz-decompress'
import type { ByteInput } from './byte-input.ts'

/** What the decoder's numbers mean: `enum xz_ret` of XZ Embedded. */
const REASONS: Record<string, string> = {
  '3': 'out of memory',
  '4': 'dictionary too large',
  '5': 'not an xz stream',
  '6': 'unsupported options',
  '7': 'corrupt data',
  '8': 'unexpected end of file, or trailing garbage',
}

function describeFailure(thrown: unknown): Error {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new Error(REASONS[/error code (\d+)/.exec(message)?.[1] ?? ''] ?? message, { cause: thrown })
}

/** The input as the decoder wants it, read no further ahead than it asks. */
function toWebStream(input: ByteInput): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await input.read()
        if (piece === undefined) controller.close()
        else controller.enqueue(piece)
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Decompresses xz, several streams too. The decoder knows the checks CRC32 and CRC64, and dictionaries up to 64 MiB (`xz -9`).
 * It decodes one file at a time: a second waits for the first to end. Throws an Error that says what is wrong.
 */
export async function* unxz(input: ByteInput): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of new xz.XzReadableStream(toWebStream(input))) {
      if (chunk.length > 0) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    }
  } catch (thrown) {
    throw describeFailure(thrown)
  }
}
