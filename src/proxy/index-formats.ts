import { snapshotPath } from '../model/snapshot-path.ts'
import type { Index } from '../snapshot/store.ts'

/** The layouts mirror_mgr.sh wrote, byte for byte; oVirt's clients and shell consumers read them by line. */
export const INDEX_FORMATS = ['json', 'yaml', 'py', 'html'] as const
export type IndexFormat = (typeof INDEX_FORMATS)[number]

const CONTENT_TYPES: Record<IndexFormat, string> = {
  json: 'application/json',
  yaml: 'application/yaml',
  py: 'text/x-python; charset=utf-8',
  html: 'text/html; charset=utf-8',
}

/** The format asked for by `all_latest.<format>`; undefined for any other file name. */
export function indexFormatOf(fileName: string): IndexFormat | undefined {
  return INDEX_FORMATS.find((format) => fileName === `all_latest.${format}`)
}

/** Content-Type of an index format. */
export function indexContentType(format: IndexFormat): string {
  return CONTENT_TYPES[format]
}

/**
 * The URL of each mirror's current snapshot, as every format and the injection give it.
 * @param base what every URL begins with: scheme, host and perhaps a path, no trailing slash
 */
export function listIndexUrls(index: Index, base: string): (readonly [mirror: string, url: string])[] {
  // The one character of a URL that YAML's and Python's quotes would take for their end.
  const quotable = base.replaceAll("'", '%27')
  return [...index.current].map(([mirror, snapshot]) => [mirror, quotable + snapshotPath(snapshot)] as const)
}

/**
 * Writes the index. Names hold only letters, digits and `._+@~-` and snapshot names only digits and `-`, so that nothing
 * needs escaping in any of the formats.
 * @param base what every URL begins with: scheme, host and perhaps a path, no trailing slash
 */
export function formatIndex(index: Index, format: IndexFormat, base: string): string {
  return WRITERS[format](listIndexUrls(index, base))
}

type Entries = readonly (readonly [mirror: string, url: string])[]

const WRITERS: Record<IndexFormat, (entries: Entries) => string> = {
  json: (entries) => {
    const lines = entries.map(([mirror, url]) => `  "${mirror}": "${url}"`)
    return `{ "latest_ci_repos": {\n${lines.join(',\n')}\n} }\n`
  },
  yaml: (entries) => {
    // The original wrote a bare key, which is null; an empty mapping is what readers expect.
    if (entries.length === 0) return '---\nlatest_ci_repos: {}\n'
    return `---\nlatest_ci_repos:\n${entries.map(([mirror, url]) => `  ${yamlKey(mirror)}: '${url}'\n`).join('')}`
  },
  py: (entries) => {
    const lines = entries.map(([mirror, url]) => `    '${mirror}': '${url}',\n`)
    return `latest_ci_repos = {\n${lines.join('')}}\n`
  },
  html: (entries) => {
    const rows = entries.map(
      ([mirror, url]) => `<tr>\n<td>${mirror}</td> <td>${url.replaceAll('&', '&amp;')}</td>\n</tr>\n`,
    )
    return (
      '<html><head>Latest repo snapshots</head><body>\n<table border=1>\n' +
      `<tr><th>Repo Name</th> <th>Repo URL</th></tr>\n${rows.join('')}</table>\n</body></html>\n`
    )
  },
}

/** Bare as the original wrote it, quoted where YAML 1.1 would read something other than this string. */
function yamlKey(name: string): string {
  const bare =
    /^[A-Za-z][A-Za-z0-9._+-]*$/.test(name) && !/^(?:true|false|yes|no|on|off|y|n|null)$/i.test(name)
  return bare ? name : `'${name}'`
}
