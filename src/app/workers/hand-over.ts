import type { Socket } from 'node:net'

/** What Node keeps of a socket's end in the kernel. It is read from until it is told to stop, whatever the stream above it does. */
interface HandleOwner {
  readonly _handle?: { reading: boolean; readStart(): number; readStop(): number } | null
}

/**
 * Stops reading from a connection, so that all that comes from now on waits in the kernel for the process that gets it. A paused socket
 * alone would go on reading, and what it reads while it is being handed over would be lost.
 * @param bytes what came before, unread
 * @returns everything that has come, to be handed over as well; undefined when nothing has
 */
export function stopReading(socket: Socket, bytes?: Buffer): Buffer | undefined {
  socket.pause()
  // Reading what is buffered makes Node read on, so this comes first.
  const buffered = socket.read() as Buffer | null
  const handle = (socket as unknown as HandleOwner)._handle
  if (handle !== undefined && handle !== null) {
    handle.readStop()
    handle.reading = false
  }
  const all = [bytes, buffered ?? undefined].filter((part) => part !== undefined)
  return all.length === 0 ? undefined : Buffer.concat(all)
}

/** Takes back what {@link stopReading} did: the stream above believes that it is being read from, and would never ask for it. */
export function readOn(socket: Socket): void {
  const handle = (socket as unknown as HandleOwner)._handle
  if (handle === undefined || handle === null || handle.reading) return
  handle.reading = true
  handle.readStart()
}

/** Makes a connection that came from another process one as a server accepts it. */
export function takeUp(socket: Socket): Socket {
  // Who has asked may shut its side down and read on.
  socket.allowHalfOpen = true
  return socket
}

/** Bytes as they come from another process. */
export function toBuffer(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
