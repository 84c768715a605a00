import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The processes that a process has started and that run, by what their command line says. */
export function childrenOf(pid: number, saying: string): number[] {
  return readdirSync('/proc')
    .filter(
      (name) =>
        /^\d+$/.test(name) && parentOf(name) === pid && read(`/proc/${name}/cmdline`).includes(saying),
    )
    .map(Number)
}

/** Whether a process is there, and no zombie. */
export function isRunning(pid: number): boolean {
  return /^State:\s+[^ZX]/m.test(read(`/proc/${pid}/status`))
}

/** Of connections to a port, by their clients' ports: which of these processes has accepted each; those that nobody has are not there. */
export function acceptorsOf(port: number, pids: readonly number[]): ReadonlyMap<number, number> {
  const owners = new Map(pids.flatMap((pid) => openFiles(pid).map((name) => [name, pid] as const)))
  const rows = read('/proc/net/tcp').matchAll(
    new RegExp(`:${hex(port)} [0-9A-F]+:([0-9A-F]{4}) 0\\w (?:\\S+\\s+){5}(\\d+)`, 'g'),
  )
  return new Map(
    [...rows].flatMap(([, from = '', inode]) => {
      const owner = owners.get(`socket:[${inode}]`)
      return owner === undefined ? [] : [[Number.parseInt(from, 16), owner] as const]
    }),
  )
}

/** How many bytes that a client has sent to a port wait for whoever serves it; undefined when the connection is not there. */
export function unreadBytes(port: number, clientPort: number): number | undefined {
  const row = new RegExp(`:${hex(port)} [0-9A-F]+:${hex(clientPort)} 0\\w [0-9A-F]+:([0-9A-F]+)`)
  const [, unread] = row.exec(read('/proc/net/tcp')) ?? []
  return unread === undefined ? undefined : Number.parseInt(unread, 16)
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

function openFiles(pid: number): string[] {
  const directory = `/proc/${pid}/fd`
  return readdirSync(directory).flatMap((name) => {
    try {
      return [readlinkSync(`${directory}/${name}`)]
    } catch {
      // Closed meanwhile.
      return []
    }
  })
}

function parentOf(pid: string): number {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1])
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // A process may have ended.
    return ''
  }
}
