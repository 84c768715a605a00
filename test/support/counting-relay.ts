import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A port that passes everything on to another one, and counts. */
export interface CountingRelay {
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  /** Bytes sent to clients so far, heads included. */
  readonly sent: () => number
  /** What clients asked: the values of their Range headers, in order; empty for a request without. */
  readonly ranges: readonly string[]
}

/** Starts one in front of a server; until the test ends. */
export async function startCountingRelay(t: TestContext, target: string): Promise<CountingRelay> {
  let bytes = 0
  const ranges: string[] = []
  const port = Number(new URL(target).port)
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    let head = ''
    client.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
        ranges.push(/^range: *bytes=(.*)$/im.exec(head.slice(0, end))?.[1]?.trim() ?? '')
        head = head.slice(end + 4)
      }
    })
    upstream.on('data', (chunk: Buffer) => (bytes += chunk.length))
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      from.on('error', () => to.destroy()).pipe(to)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => bytes, ranges }
}
