import { escapeHtml } from '../model/shown-text.ts'
import type { DirectoryEntry } from '../snapshot/store.ts'

/** A directory listing for people: plain links, like a web server's own. Names are upstream's and so hostile: all are escaped, links lead to what they are. */
export function formatListing(title: string, entries: readonly DirectoryEntry[]): string {
  const heading = escapeHtml(title)
  const lines = entries.map(({ name, directory, size }) => {
    const shown = escapeHtml(name + (directory ? '/' : ''))
    const link = `<a href="./${encodeURIComponent(name)}${directory ? '/' : ''}">${shown}</a>`
    return size === undefined ? link : `${link}${' '.repeat(Math.max(2, 60 - shown.length))}${size}`
  })
  return (
    `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>${heading}</title></head>\n` +
    `<body><h1>${heading}</h1>\n<pre>\n<a href="../">../</a>\n${lines.join('\n')}\n</pre></body></html>\n`
  )
}
