/** Kinds of calls that change files, or make their changes durable, as disk-calls.c numbers them from 1. */
const KINDS = ['write', 'truncate', 'fsync', 'create', 'rename', 'link', 'unlink', 'mkdir', 'rmdir'] as const

const HEAD_BYTES = 48
/** Where the head says how long what follows it is: place, path, other path, data. */
const LENGTHS_AT = [28, 32, 36, 40] as const

/** One call that a program has made. */
export interface DiskCall {
  readonly kind: (typeof KINDS)[number]
  /** Whether it was done; one that failed changed nothing. */
  readonly done: boolean
  /** Of the file or directory, for calls on what is open or was just made; else 0. */
  readonly inode: number
  /** Where a write begins, or the length that is left; in bytes. */
  readonly at: number
  readonly process: number
  /** What it does where, without what is another in each run: `fsync data/blobs.v1/temporary/*-blob`. */
  readonly key: string
  /** Absolute. */
  readonly path: string
  /** What is renamed or linked. */
  readonly from: string
  readonly data: Buffer
  /** The journal's length after it, in bytes. */
  readonly end: number
}

/** Reads a journal of disk-calls.c. A record that a kill has cut short is left out. */
export function parseDiskCalls(journal: Buffer): DiskCall[] {
  const calls: DiskCall[] = []
  for (let at = 0; at + HEAD_BYTES <= journal.length;) {
    const [place = 0, path = 0, from = 0, data = 0] = LENGTHS_AT.map((field) =>
      journal.readUInt32LE(at + field),
    )
    let next = at + HEAD_BYTES
    const take = (length: number) => journal.subarray(next, (next += length))
    const parts = [take(place), take(path), take(from), take(data)] as const
    if (next > journal.length) break
    const kind = KINDS[journal.readUInt32LE(at) - 1]
    if (kind === undefined) throw new Error(`not a record of the journal, at byte ${at}`)
    calls.push({
      kind,
      done: journal.readInt32LE(at + 4) === 0,
      inode: Number(journal.readBigUInt64LE(at + 8)),
      at: Number(journal.readBigInt64LE(at + 16)),
      process: journal.readUInt32LE(at + 24),
      key: `${kind} ${parts[0].toString()}`,
      path: parts[1].toString(),
      from: parts[2].toString(),
      data: parts[3],
      end: next,
    })
    at = next
  }
  return calls
}
