/** What helps when an address cannot be listened on. @param error node's own */
export function adviseOnListening(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return 'something else listens there: ss -ltnp shows what; listen: names another port'
  if (code === 'EACCES') return 'ports below 1024 need a privilege: listen on 8080, or behind a proxy'
  return 'this machine has no such address: listen: 127.0.0.1:8080, or [::]:8080 for all of them'
}
