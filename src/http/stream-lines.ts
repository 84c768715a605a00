import { outcomeHeaders, type Exchange } from './exchange.ts'

/**
 * Answers with lines of JSON while something runs, so that whoever waits sees that something happens. The head is sent with the first
 * line: until then trouble can still be told by its status.
 */
export async function streamLines<Result>(
  exchange: Exchange,
  run: (write: (line: object) => void) => Promise<Result>,
): Promise<Result> {
  const { response } = exchange
  let begun = false
  const write = (line: object) => {
    if (!begun) {
      const headers = outcomeHeaders(exchange, 'hit')
      response.writeHead(200, { 'Content-Type': 'application/x-ndjson', ...headers })
    }
    begun = true
    response.write(`${JSON.stringify(line)}\n`)
  }
  const resume = waitPatiently(exchange)
  try {
    const result = await run(write)
    response.end()
    return result
  } finally {
    resume()
  }
}

/** What waits for its turn says nothing for as long as that takes; the connection is not given up meanwhile. */
function waitPatiently({ request: { socket } }: Exchange): () => void {
  const { timeout = 0 } = socket
  socket.setTimeout(0)
  return () => void socket.setTimeout(timeout)
}
