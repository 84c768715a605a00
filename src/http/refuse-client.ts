import type { Duplex } from 'node:stream'

/** What node says of what it cannot read, by its code; of anything else that it is a bad request. */
const STATUSES: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** What node answers who sends nothing. */
export const SENT_NOTHING = refusal('408 Request Timeout')

/** The answer that node has put on this connection, if any, of which some may be sent. */
interface Answering {
  readonly _httpMessage?: { readonly _headerSent: boolean } | null
}

/**
 * Answers who sends what is no request as node itself does (`socketOnError` of its `_http_server.js`), and ends the connection, without
 * telling the connection why: node would have the error's stack formatted for that, which takes longer than all the rest, and anybody can
 * ask for it again and again.
 */
export function refuseClient({ code = '' }: NodeJS.ErrnoException, socket: Duplex & Answering): void {
  // Within an answer it would be taken for a part of it.
  if (socket.writable && socket._httpMessage?._headerSent !== true)
    socket.write(refusal(STATUSES[code] ?? '400 Bad Request'))
  socket.destroy()
}

function refusal(status: string): string {
  return `HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`
}
