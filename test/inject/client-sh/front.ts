import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A proxy in front of a server, which can be told to fail. */
export interface Front {
  /** `http://127.0.0.1:<port>`, no trailing slash. */
  readonly url: string
  /** Method and target of each request, in their order. */
  readonly requests: string[]
  /** What happens to a request instead of being passed on; undefined passes it on. */
  fail: (target: string, index: number) => number | 'drop' | undefined
}

/** Starts one; what it passes on keeps its Host, so that the server names the proxy in its URLs. */
export async function startFront(t: TestContext, server: string): Promise<Front> {
  const requests: string[] = []
  const front: { url: string; requests: string[]; fail: Front['fail'] } = {
    url: '',
    requests,
    fail: () => undefined,
  }
  const proxy = createServer((incoming, outgoing) => {
    const target = incoming.url ?? ''
    const failure = front.fail(target, requests.push(`${incoming.method} ${target}`) - 1)
    if (failure === 'drop') {
      incoming.socket.destroy()
      return
    }
    if (failure !== undefined) {
      incoming.resume()
      outgoing.writeHead(failure, { 'X-Pinyon-Reason': 'the test says so' }).end()
      return
    }
    const { method, headers } = incoming
    const onward = request(`${server}${target}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => void outgoing.destroy())
    incoming.pipe(onward)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  front.url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return front
}
