import { createCipheriv, createHash } from 'node:crypto'

/** That many pseudo-random bytes, which no compressor makes smaller; the same for the same seed. */
export function seededBytes(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}
