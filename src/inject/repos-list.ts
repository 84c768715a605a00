import { decodeByteText, encodeByteText, skipByteOrderMark } from './byte-text.ts'
import { refuseInjection } from './refusal.ts'

/** A line of a `.repos` list. */
export interface ListedRepository {
  readonly id: string
  readonly url: string
  /** 1-based. */
  readonly line: number
}

/** What a list says, and what its reader should know. */
export interface ReposList {
  /** Each id once. */
  readonly repositories: readonly ListedRepository[]
  readonly warnings: readonly { readonly line: number; readonly text: string }[]
}

const REPOSITORIES_MAX = 10_000
const BYTES_MAX = 1024 * 1024

// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const ID = /^[^\s[\]\u0000-\u001f\u007f]+$/
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const URL_OR_PATH = /^(?:[A-Za-z][A-Za-z0-9+.-]*:|\/)[^\s,\u0000-\u001f\u007f]+$/

/**
 * Reads a list of repositories as oVirt's mock_runner does: `id,url` or a url a line, `#` begins a comment. Those without an id are
 * `repo-0`, `repo-1` … in their order; `$distro` in a URL is the variable of that name. Of a repeated id the last URL counts.
 *
 * @param text one character a byte
 * @throws {PinyonError} INJECTION_REFUSED for a line that is neither
 */
export function parseReposList(text: string, variables: ReadonlyMap<string, string> | undefined): ReposList {
  if (text.length > BYTES_MAX) throw refuseInjection(1, `at most ${BYTES_MAX} bytes`, `${text.length} bytes`)
  const repositories = new Map<string, ListedRepository>()
  const warnings: { line: number; text: string }[] = []
  let unnamed = 0
  for (const [index, written] of text.slice(skipByteOrderMark(text)).split('\n').entries()) {
    const line = index + 1
    const entry = decodeByteText(written).trim()
    if (entry === '' || entry.startsWith('#')) continue
    const [, name, listed] = /^([^,]*),[ \t]*(.+)$/.exec(entry) ?? []
    const id = name === undefined ? `repo-${unnamed++}` : name.trim()
    const url = expandDistribution(listed ?? entry, variables)
    if (!ID.test(id) || !URL_OR_PATH.test(url)) throw refuseInjection(line, 'id,url or a url', entry)
    if (url.includes('$distro')) warnings.push({ line, text: `what $distro is was not told: ${id} keeps it` })
    const before = repositories.get(id)
    if (before !== undefined)
      warnings.push({ line, text: `${id} is listed in line ${before.line} already: the last URL counts` })
    repositories.set(id, { id, url, line: before?.line ?? line })
    if (repositories.size > REPOSITORIES_MAX)
      throw refuseInjection(line, `at most ${REPOSITORIES_MAX} repositories`, entry)
  }
  return { repositories: [...repositories.values()], warnings }
}

function expandDistribution(url: string, variables: ReadonlyMap<string, string> | undefined): string {
  const distribution = variables?.get('distro')
  return distribution === undefined ? url : url.replaceAll('$distro', () => distribution)
}

/** Of each section in {@link writeReposSections}. */
export const REPOS_SECTION_LINES = 7

/**
 * The sections that mock_runner made of a list, as a text with one character a byte: signatures are not checked, since a list has no
 * place for keys, and modules do not hide packages.
 */
export function writeReposSections(repositories: readonly ListedRepository[]): string {
  return repositories
    .map(({ id, url }) =>
      encodeByteText(
        `[${id}]\nenabled=1\ngpgcheck=0\nbaseurl=${url}\nname="Custom ${id}"\nmodule_hotfixes=1\n\n`,
      ),
    )
    .join('')
}
