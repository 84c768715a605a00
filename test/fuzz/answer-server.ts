import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Answer, Conversation } from './answers.ts'

/** Somebody who is to hear a conversation. */
export interface Hearing {
  /** What is to be asked for, in order. */
  readonly paths: readonly string[]
  /** Forgets it. @returns the requests that came */
  readonly end: () => readonly string[]
}

/** A server that answers as it is told, byte by byte. */
export class AnswerServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #answers = new Map<string, { readonly answer: Answer; readonly heads: string[] }>()
  #hearings = 0

  static async start(): Promise<AnswerServer> {
    const server = new AnswerServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket))
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Answers so for whoever asks for its paths. */
  play({ answers }: Conversation): Hearing {
    // All of one length, so that requests are alike.
    const name = String((this.#hearings += 1)).padStart(9, '0')
    const heads: string[] = []
    const paths = answers.map((_, at) => `/${name}/${at}`)
    for (const [at, answer] of answers.entries()) this.#answers.set(paths[at] ?? '', { answer, heads })
    return {
      paths,
      end: () => {
        for (const path of paths) this.#answers.delete(path)
        return heads.map((head) => head.replace(`/${name}/`, '/name/'))
      },
    }
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    let head = ''
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1')
      if (!head.endsWith('\r\n\r\n')) return
      const known = this.#answers.get(head.split(' ')[1] ?? '')
      known?.heads.push(head)
      head = ''
      if (known === undefined) socket.destroy()
      else void send(socket, known.answer)
    })
  }
}

async function send(socket: Socket, { packets, ends }: Answer): Promise<void> {
  for (const packet of packets) {
    if (socket.destroyed) return
    socket.write(packet)
    // So that it is read before the next one is sent.
    for (let turn = 0; turn < 2; turn += 1) await nextTurn()
  }
  if (ends) socket.end()
}
