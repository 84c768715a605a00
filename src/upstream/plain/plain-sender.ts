import type { buildConnector } from 'undici'

import { DirectWrites } from '../../system/direct-writes.ts'
import type { HttpReply, RequestOptions } from '../send-request.ts'
import type { Sender } from '../sender.ts'
import { CannotRead, PlainHost } from './plain-host.ts'

/** What a request of the simple form may have as target, and in its headers. */
const TARGET = /^\/[\x21-\x7e]*$/
const VALUE = /^[\x20-\x7e]*$/

/** How hosts are connected to. */
export interface PlainSenderOptions {
  readonly connect: buildConnector.connector
  /** What connections read into, one after the other. */
  readonly memory: Buffer
  /** Who sends everything else. */
  readonly other: Sender
}

/**
 * Sends requests by plain http that are of the simple form, as undici would, and reads the answers that are: into the memory that they stay in, where
 * undici has them copied twice, and in a few calls. An answer of any other form is read by undici, from the same connection; every other request is
 * {@link PlainSenderOptions.other}'s.
 */
export class PlainSender implements Sender {
  readonly #options: PlainSenderOptions
  readonly #writes = new DirectWrites()
  readonly #hosts = new Map<string, PlainHost>()
  /** Whether everything is the other's from now on, which refuses it once that is closed. */
  #isOff = false

  constructor(options: PlainSenderOptions) {
    this.#options = options
  }

  async send(options: RequestOptions): Promise<HttpReply> {
    options.signal.throwIfAborted()
    const request = this.#isOff ? undefined : writeRequest(options)
    if (request === undefined) return await this.#options.other.send(options)
    try {
      return await this.#hostOf(options.origin).send(request, options)
    } catch (error) {
      if (!(error instanceof CannotRead)) throw error
      this.#isOff = true
      return await this.#options.other.send(options)
    }
  }

  async close(): Promise<void> {
    this.#isOff = true
    await Promise.all([this.#options.other.close(), ...this.#listHosts().map((host) => host.close())])
  }

  async destroy(): Promise<void> {
    this.#isOff = true
    await Promise.all([this.#options.other.destroy(), ...this.#listHosts().map((host) => host.destroy())])
  }

  #listHosts(): PlainHost[] {
    return [...this.#hosts.values()]
  }

  #hostOf(origin: string): PlainHost {
    const known = this.#hosts.get(origin)
    if (known !== undefined) return known
    const { connect, memory } = this.#options
    // Redirects may lead to any number of hosts.
    const onEmpty = () => this.#hosts.delete(origin)
    const host = new PlainHost({ origin, connect, memory, writes: this.#writes, onEmpty })
    this.#hosts.set(origin, host)
    return host
  }
}

/** The head of a request, as undici writes it; undefined for one that is not of the simple form. */
function writeRequest({ origin, path, headers }: RequestOptions): string | undefined {
  if (!origin.startsWith('http://') || !TARGET.test(path)) return undefined
  let head = `GET ${path} HTTP/1.1\r\nhost: ${origin.slice('http://'.length)}\r\nconnection: keep-alive\r\n`
  for (const name in headers) {
    const value = headers[name] as string
    if (!VALUE.test(value)) return undefined
    head += `${name}: ${value}\r\n`
  }
  return `${head}\r\n`
}
