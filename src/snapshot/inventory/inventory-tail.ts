import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

import { isRow } from './inventory-format.ts'
import { openLine } from './sealed-lines.ts'

/** Read at the end of a file, in bytes: a line of a generation that changed a thousand mirrors has less. */
const TAIL_BYTES = 1 << 20

/** The last generation that a file tells of, 0 for none yet, and where its line ends, in bytes. */
export interface InventoryTail {
  readonly number: number
  readonly end: number
}

/** The last whole line of the generations: what comes after it was torn off. Undefined where there is none near the end. */
export function readTail(file: string): InventoryTail | undefined {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES))
    const read = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length)
    const tail = bytes.subarray(0, read)
    for (let end = tail.lastIndexOf(10); end >= 0;) {
      const before = end === 0 ? -1 : tail.lastIndexOf(10, end - 1)
      const value = openLine(tail.toString('utf8', before + 1, end))
      const at = size - bytes.length + end + 1
      if (isRow(value, { number: 'number' })) return { number: Number(value['number']), end: at }
      if (isRow(value, { format: 'number' })) return { number: 0, end: at }
      end = before
    }
    return undefined
  } finally {
    closeSync(descriptor)
  }
}
