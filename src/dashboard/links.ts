/** The most characters of a search that are looked for. */
const MAX_QUERY_LENGTH = 100

/** Addresses of pages below the path at which clients see the server. */
export class Links {
  readonly #prefix: string

  /** @param prefix without a trailing slash */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** A path of ours, with a query of what is given of it. */
  to(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): string {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
    const parameters = new URLSearchParams()
    for (const [key, value] of given) parameters.set(key, String(value))
    const text = parameters.toString()
    return `${this.#prefix}${path}${text === '' ? '' : `?${text}`}`
  }

  mirror(mirror: string): string {
    return this.to(`/mirrors/${encodeURIComponent(mirror)}`)
  }

  snapshot(mirror: string, snapshot: string): string {
    return `${this.mirror(mirror)}/snapshots/${encodeURIComponent(snapshot)}`
  }

  diff(mirror: string, from: string, to: string): string {
    return this.to(`/mirrors/${encodeURIComponent(mirror)}/diff`, { from, to })
  }

  /** In which snapshots a package is. */
  package(mirror: string, name: string): string {
    return `${this.mirror(mirror)}/packages/${encodeURIComponent(name)}`
  }

  generation(number: number): string {
    return this.to(`/generations/${number}`)
  }

  /** A file, or the files, of a snapshot. */
  file(mirror: string, snapshot: string, path = ''): string {
    const below = path.split('/').map(encodeURIComponent).join('/')
    return this.to(`/repos/yum/${encodeURIComponent(mirror)}/${encodeURIComponent(snapshot)}/${below}`)
  }

  api(path: string): string {
    return this.to(`/api/v1/${path}`)
  }
}

/** What was searched for, cut and trimmed; empty for nothing. */
export function readQuery(query: URLSearchParams, key = 'q'): string {
  return (query.get(key) ?? '').trim().slice(0, MAX_QUERY_LENGTH).toWellFormed()
}

/** The number of a page, from 1; anything else is the first. */
export function readPage(query: URLSearchParams): number {
  const text = query.get('page') ?? ''
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1
}
