import type { Socket } from 'node:net'

/** Fields of a socket by which node itself reads into memory that is given to it, for those that connect (`onread` of `net.connect`). */
export interface ReadFields {
  readonly buffer: symbol
  readonly callback: symbol
  /** What says, after each read, what the next one goes into. */
  readonly next: symbol
}

interface Handle {
  readonly useUserBuffer?: (buffer: Buffer) => void
}

/**
 * Has what comes on a socket read into this memory from now on, one read after the other. Node gives a socket 64 KiB of its own for each read, and the
 * garbage collector has to hear of every one.
 * @param onBytes told that so many bytes are at the memory's start, where they are valid during the call; whether to read on
 * @param next what is read into next, asked once {@link onBytes} has been told; the same memory unless given
 * @returns false when this node or this socket knows no such thing: then it comes as ever
 */
export function readInto(
  socket: Socket,
  memory: Buffer,
  onBytes: (this: Socket, count: number) => boolean,
  next?: () => Buffer,
): boolean {
  const handle = (socket as { _handle?: Handle | null })._handle
  const fields = findReadFields(socket)
  if (fields === undefined || typeof handle?.useUserBuffer !== 'function') return false
  const owner = socket as unknown as Record<symbol, unknown>
  owner[fields.buffer] = memory
  owner[fields.callback] = onBytes
  owner[fields.next] = next ?? null
  handle.useUserBuffer(memory)
  return true
}

/** Those of the sockets that were looked at last: all of a node's sockets have the same. */
let known: ReadFields | undefined

/** Where a socket has them; undefined where it has none. */
export function findReadFields(socket: Socket): ReadFields | undefined {
  if (known !== undefined && hasAll(socket, known)) return known
  const symbols = Object.getOwnPropertySymbols(socket)
  const find = (name: string) => symbols.find(({ description }) => description === name)
  const [buffer, callback, next] = [find('kBuffer'), find('kBufferCb'), find('kBufferGen')]
  if (buffer === undefined || callback === undefined || next === undefined) return undefined
  return (known = { buffer, callback, next })
}

/** Looked at for each connection that is made. */
function hasAll(socket: Socket, { buffer, callback, next }: ReadFields): boolean {
  return Object.hasOwn(socket, buffer) && Object.hasOwn(socket, callback) && Object.hasOwn(socket, next)
}
