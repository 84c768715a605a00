/**
 * What is scanned at once. V8 makes strings beyond 128 KiB large objects, and making those of bytes takes five times as long as
 * making small ones.
 */
export const WINDOW_BYTES = 64 * 1024

/**
 * Joins pieces of a document, cut anywhere, until there are enough for a scan: {@link WINDOW_BYTES} or more. The last one may be empty.
 * @param scanner what reads each of them before it asks for the next
 */
export async function* joinWindows(
  chunks: AsyncIterable<Buffer>,
  scanner: { readonly pendingBytes: number },
): AsyncGenerator<Buffer, void, undefined> {
  let waiting: Buffer[] = []
  let waitingBytes = 0
  for await (const chunk of chunks) {
    waiting.push(chunk)
    waitingBytes += chunk.length
    // As much again as is pending, so that an element in many pieces is not read anew with each of them.
    if (waitingBytes < Math.max(WINDOW_BYTES, scanner.pendingBytes)) continue
    yield waiting.length === 1 ? chunk : Buffer.concat(waiting)
    waiting = []
    waitingBytes = 0
  }
  yield Buffer.concat(waiting)
}
