/** The parts of unbzip2-stream that decode one block at a time, which its stream does not let its user do. */
declare module 'unbzip2-stream/lib/bit_iterator.js' {
  /** Reads a number of bits; null aligns to the next byte. */
  interface BitReader {
    (bits: number | null): number
    /** Bytes of which at least one bit was read. */
    bytesRead: number
  }
  function bitIterator(nextBuffer: () => Uint8Array | undefined): BitReader
  export = bitIterator
}

declare module 'unbzip2-stream/lib/bzip2.js' {
  import type bitIterator from 'unbzip2-stream/lib/bit_iterator.js'
  type BitReader = ReturnType<typeof bitIterator>
  const bzip2: {
    /** Reads a stream's header; returns the block size in units of 100,000 bytes. */
    header(bits: BitReader): number
    /** Decodes one block, byte by byte into `sink`; returns the stream's checksum so far, or null after its last block. */
    decompress(
      bits: BitReader,
      sink: (byte: number) => void,
      work: Int32Array,
      workLength: number,
      checksum: number,
    ): number | null
  }
  export = bzip2
}
