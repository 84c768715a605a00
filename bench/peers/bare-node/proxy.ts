/**
 * The least that a proxy in Node does for a file that it has not got: `proxy.ts UPSTREAM_PORT PORT [DIRECTORY [ROOT]]` asks upstream for it, and passes
 * on head and body as they come. With a directory it does what a cache that promises digests cannot do without: see stored-body.ts. What is
 * stored is never given out. With the files that upstream has as well, it does before that, and before it promises a body, what pinyon promises
 * besides: see promised-files.ts. It knows GET and answers that say how long they are, waits for nobody, keeps in memory what a client is slow to
 * take, checks nothing, and cannot be trusted with a network.
 */
import { createServer, type Socket } from 'node:net'

import { Answer } from './answer.ts'
import { PromisedFiles } from './promised-files.ts'
import { StoredBody } from './stored-body.ts'
import { UpstreamConnections, type UpstreamConnection } from './upstream-connections.ts'

/** A longer request is none. */
const MAX_REQUEST_BYTES = 16 << 10

/** For whoever has got nothing yet; others see their connection end before the body does. */
const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

/** For what no snapshot lists. */
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

const [upstreamPort = '', port = '0', dir, root] = process.argv.slice(2)
const upstream = new UpstreamConnections(Number(upstreamPort))
const promised = dir === undefined || root === undefined ? undefined : new PromisedFiles(dir, root)
let count = 0

createServer({ noDelay: true }, serve).listen(Number(port), '127.0.0.1')

/** Answers a client, one request after the other. */
function serve(client: Socket): void {
  let text = ''
  let cancel: (() => void) | undefined
  // 'close' comes after it.
  client.on('error', () => undefined)
  client.once('close', () => cancel?.())
  client.on('data', (bytes) => {
    text += bytes.toString('latin1')
    const isWhole = text.endsWith('\r\n\r\n')
    const path = /^GET (\S+) HTTP\/1\.1\r\n/.exec(text)?.[1]
    if (cancel !== undefined || text.length > MAX_REQUEST_BYTES || (isWhole && path === undefined)) {
      client.destroy()
      return
    }
    if (!isWhole || path === undefined) return
    const isLast = /^connection: *close *$/im.test(text)
    text = ''
    const part = `part-${count}`
    const release = promised?.claim(path, part)
    if (promised !== undefined && release === undefined) {
      client.end(NOT_FOUND)
      return
    }
    count += 1
    cancel = passOn(client, path, part, (isKept) => {
      cancel = undefined
      // Behind what the client waits for.
      if (release !== undefined) setImmediate(release)
      if (isLast || !isKept) client.destroySoon()
    })
  })
}

/**
 * Passes on one answer.
 * @param part what it is called while it is stored
 * @param onEnd told whether the client's connection goes on
 * @returns what gives it up
 */
function passOn(client: Socket, path: string, part: string, onEnd: (isKept: boolean) => void): () => void {
  const connection: UpstreamConnection = upstream.ask(path, {
    onBytes: (bytes) => {
      const state = answer.take(bytes)
      if (state === 'wrong') fail()
      if (state !== 'all') return
      if (answer.isLast) connection.end()
      else connection.keep()
      onEnd(!answer.isLast)
    },
    onEnd: () => fail(),
  })
  // Upstream is asked first: the file can be opened while it thinks.
  const stored = dir === undefined ? undefined : new StoredBody(dir, part, promised !== undefined)
  const answer = new Answer(client, stored)
  const cancel = () => {
    connection.end()
    answer.abandon()
  }
  const fail = () => {
    cancel()
    if (!answer.isBegun) client.write(BAD_GATEWAY)
    onEnd(false)
  }
  return cancel
}
