import type { ServerResponse } from 'node:http'

/** Headers as `writeHead` takes them. Names keep their case on the wire: librepo compares `Content-Length` literally. */
export type Headers = Record<string, string>

/** Where an answer goes. */
export interface Outlet {
  /** Whether it has begun: nothing else can be answered any more. */
  readonly hasBegun: boolean
  /** Begins it. The head may wait for the first bytes, to go with them. */
  begin(status: number, headers: Headers): void
  /**
   * Sends bytes, which have to stay as they are until the kernel has them.
   * @returns false, now or then, when the client has gone
   */
  write(bytes: Buffer): boolean | Promise<boolean>
  /** Ends it with its last bytes, if any, which are not changed any more. */
  end(bytes?: Buffer): void
  /** Ends the connection, so that the client sees that the answer is not whole. */
  breakOff(): void
}

/** Answers through node:http. */
export class NodeOutlet implements Outlet {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  get hasBegun(): boolean {
    return this.#response.headersSent
  }

  begin(status: number, headers: Headers): void {
    this.#response.writeHead(status, headers)
  }

  write(bytes: Buffer): boolean | Promise<boolean> {
    const response = this.#response
    if (response.destroyed) return false
    return new Promise((resolve) => {
      const gone = () => resolve(false)
      response.once('close', gone)
      response.write(bytes, (error) => {
        response.off('close', gone)
        resolve(error === null || error === undefined)
      })
    })
  }

  end(bytes?: Buffer): void {
    this.#response.end(bytes)
  }

  breakOff(): void {
    this.#response.destroy()
  }
}
