import { open, unlink, type FileHandle } from 'node:fs/promises'

import { PinyonError } from '../model/errors.ts'

const PIECE_BYTES = 64 << 10

/**
 * Bytes that are written once and then read in their order: a file without a name, which goes with whoever has it open. Whatever fails is a
 * PinyonError STORE_FAILED.
 */
export class Spool {
  readonly #file: FileHandle

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /** Opens one on the file system of a path where nothing is. */
  static async open(path: string): Promise<Spool> {
    return await attempt('opening', async () => {
      const file = await open(path, 'wx+', 0o600)
      try {
        await unlink(path)
        return new Spool(file)
      } catch (error) {
        await file.close()
        throw error
      }
    })
  }

  /** Appends. One call at a time, and none while it is read. */
  async write(bytes: Uint8Array): Promise<void> {
    await attempt('writing', () => this.#file.writeFile(bytes))
  }

  /** All of it. */
  async *read(): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; ;) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const { bytesRead } = await attempt('reading', () => this.#file.read(piece, 0, PIECE_BYTES, at))
      if (bytesRead === 0) return
      yield piece.subarray(0, bytesRead)
      at += bytesRead
    }
  }

  /** Lets go of it. */
  async close(): Promise<void> {
    await this.#file.close()
  }
}

async function attempt<T>(doing: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw new PinyonError('STORE_FAILED', `${doing} a temporary file: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
