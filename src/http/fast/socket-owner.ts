import type { Socket } from 'node:net'

import type { SharedReads } from './shared-reads.ts'

/** Who is told of what happens to a socket. */
export interface SocketOwner {
  /**
   * The first so many bytes of a buffer have come. They are valid during the call.
   * @param isJustRead whether they were read from the socket this moment: what a stream has kept may come later
   */
  onBytes(bytes: Buffer, count: number, isJustRead: boolean): void
  /** The other side has sent all it has to send. */
  onEnd(): void
  /** Nothing has happened for as long as was set. */
  onTimeout(): void
  onClose(): void
}

const OWNER = Symbol('owner')

/** A socket of which one owner is told. */
interface Owned extends Socket {
  [OWNER]?: SocketOwner | undefined
}

/**
 * Makes this the one who is told. All sockets share their listeners: one's own would keep its owner alive as long as the socket, which V8 does
 * until its next full collection (a function that is assigned to a property, as node's `WritableState` has one, is old from its birth), and
 * moves all of that in each collection until then.
 */
export function own(socket: Socket, owner: SocketOwner, reads: SharedReads): void {
  ownedOf(socket)[OWNER] = owner
  socket.on('timeout', onTimeout)
  // Who has gone is told of by 'close'.
  socket.on('error', ignore)
  socket.on('close', onClose)
  socket.on('end', onEnd)
  if (!reads.begin(socket)) socket.on('data', onData)
}

/** Nobody is told any more; what comes is the stream's. */
export function disown(socket: Socket, reads: SharedReads): void {
  ownedOf(socket)[OWNER] = undefined
  reads.end(socket)
  socket.off('timeout', onTimeout)
  socket.off('error', ignore)
  socket.off('close', onClose)
  socket.off('end', onEnd)
  socket.off('data', onData)
}

/** Tells of what was just read from a socket. */
export function tellOwner(socket: Socket, bytes: Buffer, count: number): void {
  ownedOf(socket)[OWNER]?.onBytes(bytes, count, true)
}

function onData(this: Socket, chunk: Buffer): void {
  ownedOf(this)[OWNER]?.onBytes(chunk, chunk.length, false)
}

function onEnd(this: Socket): void {
  ownedOf(this)[OWNER]?.onEnd()
}

function onTimeout(this: Socket): void {
  ownedOf(this)[OWNER]?.onTimeout()
}

function onClose(this: Socket): void {
  const owned = ownedOf(this)
  const owner = owned[OWNER]
  owned[OWNER] = undefined
  owner?.onClose()
}

function ignore(): void {}

function ownedOf(socket: Socket): Owned {
  return socket
}
