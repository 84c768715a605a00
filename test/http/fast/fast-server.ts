import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

import type { BlobCacheLimits } from '../../../src/cache/blob-cache.ts'
import { sendFile } from '../../../src/http/send-file.ts'
import { HttpServer } from '../../../src/http/server.ts'
import { PinyonError } from '../../../src/model/errors.ts'
import { TrustedProxies } from '../../../src/model/trusted-proxies.ts'
import { createMemoryContent, type MemoryContent, type MemoryFetches } from '../../support/memory-content.ts'
import { Connection } from '../connection.ts'
import { LogRecorder } from '../log-recorder.ts'

/** A server whose files are warm, but those that it is told how to fetch. */
export interface FastServer extends MemoryContent {
  readonly server: HttpServer
  readonly log: LogRecorder
  /** Targets that went to the handler, by node:http. */
  readonly handled: string[]
  readonly connect: () => Promise<Connection>
  /** A bare connection. */
  readonly dial: () => Promise<Socket>
  /** Switches it for connections to come. */
  readonly switchOn: (isOn: boolean) => void
  /** Has the handler answer `/slow`, which waits for that; `/never` waits for its client to go. */
  readonly letGo: () => void
  /** Whom it believes from now on. */
  readonly trust: (...proxies: readonly string[]) => void
}

/** Starts it on a free port. */
export async function startFastServer(
  t: TestContext,
  sizes: readonly (readonly [target: string, size: number])[],
  limits: Partial<BlobCacheLimits> = {},
  fetch: MemoryFetches = {},
): Promise<FastServer> {
  const memory = await createMemoryContent(sizes, limits, fetch)
  const { files, content, cache } = memory
  const log = new LogRecorder()
  const handled: string[] = []
  const gate = Promise.withResolvers<void>()
  let on = true
  let trusted: TrustedProxies | undefined
  const server = new HttpServer(
    async (exchange) => {
      const { url = '' } = exchange.request
      handled.push(url)
      log.logger.info('asked')
      if (url === '/slow') await gate.promise
      if (url === '/never') await once(exchange.response, 'close')
      const file = files.get(url)
      if (file === undefined) throw nothingAt(url)
      await sendFile(exchange, file, content)
    },
    log.logger,
    {
      fast: { peek: (target) => files.get(target), cold: { lookUp, content }, content, isOn: () => on },
      trustedProxies: () => trusted,
    },
  )
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.after(async () => {
    await server.drain(0)
    cache.close()
  })
  return {
    ...memory,
    server,
    log,
    handled,
    connect: async () => {
      const connection = await Connection.open(server.port)
      t.after(() => connection.close())
      return connection
    },
    dial: async () => {
      const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
      socket.on('error', () => undefined)
      t.after(() => socket.destroy())
      await once(socket, 'connect')
      return socket
    },
    switchOn: (isOn) => (on = isOn),
    letGo: () => gate.resolve(),
    trust: (...proxies) => (trusted = proxies.length === 0 ? undefined : new TrustedProxies(proxies)),
  }
}

/** What begins so is known not to be there; of other targets the handler has to say it. */
function lookUp(target: string): Promise<PinyonError> | undefined {
  return target.startsWith('/missing') ? Promise.resolve(nothingAt(target)) : undefined
}

function nothingAt(target: string): PinyonError {
  return new PinyonError('NOT_FOUND', `there is nothing at: ${target}`)
}

/** A request as clients send it. */
export function formatRequest(target: string, ...headers: readonly string[]): string {
  return [`GET ${target} HTTP/1.1`, 'Host: h', ...headers, '', ''].join('\r\n')
}

/** The lines of an answer's head, as they are whenever it was made. */
export function dateless(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^Date: .*/, 'Date:'))
}
