import { fromByteText } from './byte-text.ts'
import type { Injection, InjectOptions } from './injection.ts'
import type { MirrorMap } from './mirror-map.ts'
import { parseReposList, REPOS_SECTION_LINES, writeReposSections } from './repos-list.ts'
import { applyEdits } from './text-edit.ts'
import { readYumDocument } from './yum-document.ts'
import { planYum } from './yum-rule.ts'
import { findBaseUrls, groupSections, isEnabled } from './yum-sections.ts'

/**
 * Makes a `.repo` file, or arguments for dnf, of a list of repositories and injects mirrors into that. What finds no mirror keeps its
 * URL; with `onlyMirrored` it is switched off, or left out of the arguments. Lines of the findings are the list's.
 *
 * @throws {PinyonError} INJECTION_REFUSED for what is no list
 */
export function injectRepos(
  text: string,
  map: MirrorMap,
  options: InjectOptions,
): Omit<Injection, 'changed'> {
  const { repositories, warnings } = parseReposList(text, options.variables)
  const sections = writeReposSections(repositories)
  const plan = planYum(sections, map, options)
  const result = applyEdits(sections, plan.edits)
  const relocate = <T extends { readonly line: number }>(finding: T): T => {
    const repository = repositories[Math.floor((finding.line - 1) / REPOS_SECTION_LINES)]
    return { ...finding, line: repository?.line ?? finding.line }
  }
  const [first] = repositories
  const unchecked = { text: 'signatures of packages are not checked: gpgcheck=0, as a list names no keys' }
  const isUnchecked = first !== undefined && options.reposOutput !== 'repofrompath'
  const all = [...warnings, ...plan.warnings.map(relocate)].toSorted((a, b) => a.line - b.line)
  return {
    bytes: fromByteText(options.reposOutput === 'repofrompath' ? writeArguments(result) : result),
    injected: plan.injected.map(relocate),
    unmatched: plan.unmatched.map(relocate),
    warnings: isUnchecked ? [{ line: first.line, ...unchecked }, ...all] : all,
  }
}

/** `--repofrompath=id,url`, one a line, of the sections that are on. */
function writeArguments(sections: string): string {
  return groupSections(readYumDocument(sections), undefined)
    .filter(isEnabled)
    .map((section) => `--repofrompath=${section.id},${findBaseUrls(section)[0] ?? ''}\n`)
    .join('')
}
