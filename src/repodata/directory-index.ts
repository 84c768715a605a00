import { normalizeHref } from '../model/href.ts'

/** What one listing may name. */
export const MAX_INDEX_ENTRIES = 10_000
/** A link's tag is no longer. */
const MAX_TAG_LENGTH = 4_096
const LINK = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i

/**
 * The names of files that a server's index of a directory tells: HTML as Apache, nginx, lighttpd, Caddy and others make it, from its links, or JSON as
 * nginx makes it. Directories, and links to anywhere else, are none. Undefined for what is no such index.
 * @param directory the URL path of the directory, with which some servers begin their links
 */
export function parseDirectoryIndex(bytes: Buffer, directory: string): readonly string[] | undefined {
  const text = bytes.toString('utf8')
  const first = text.trimStart().slice(0, 1)
  const found = first === '[' ? readJson(text) : first === '<' ? readLinks(text, directory) : undefined
  const names = found?.filter((name) => !name.includes('/') && normalizeHref(name) === name)
  return names && [...new Set(names)].slice(0, MAX_INDEX_ENTRIES)
}

function readJson(text: string): string[] | undefined {
  try {
    const entries = JSON.parse(text) as unknown[]
    return entries.flatMap((entry) => {
      const { name, type } = (entry ?? {}) as { readonly name?: unknown; readonly type?: unknown }
      return typeof name === 'string' && type === 'file' ? [name] : []
    })
  } catch {
    return undefined
  }
}

/** Goes through the text once, whatever it is. Undefined without a single link. */
function readLinks(text: string, directory: string): string[] | undefined {
  const names: string[] = []
  let links = 0
  const lower = text.toLowerCase()
  for (let at = lower.indexOf('<a'); at >= 0;) {
    const end = text.indexOf('>', at)
    if (end < 0) break
    const tag = end - at > MAX_TAG_LENGTH ? '' : text.slice(at, end)
    const [, double, single, bare] = /^<a\s/i.test(tag) ? (LINK.exec(tag) ?? []) : []
    const href = double ?? single ?? bare
    if (href !== undefined) links += 1
    const name = href && nameOf(href, directory)
    if (name !== undefined && name !== '') names.push(name)
    at = lower.indexOf('<a', end)
  }
  return links === 0 ? undefined : names
}

function nameOf(href: string, directory: string): string | undefined {
  const link = href.replaceAll('&amp;', '&').replace(/[?#].*$/s, '')
  const relative = link.startsWith(directory) ? link.slice(directory.length) : link.replace(/^\.\//, '')
  try {
    return decodeURIComponent(relative)
  } catch {
    return undefined
  }
}
