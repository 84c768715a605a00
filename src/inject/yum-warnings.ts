import type { Injection, InjectOptions } from './injection.ts'
import { findKey, findValue, isOn, isPattern, type YumDocumentSection } from './yum-sections.ts'

type Warning = Injection['warnings'][number]

/** What somebody should know about these sections, by line. */
export function findWarnings(
  sections: readonly YumDocumentSection[],
  injected: ReadonlySet<YumDocumentSection | undefined>,
  pinned: readonly YumDocumentSection[],
  options: InjectOptions,
): readonly Warning[] {
  const warnings: Warning[] = sections.flatMap(warnOfForm)
  for (const section of sections.filter((section) => injected.has(section)))
    for (const warning of warnOfInjected(section)) warnings.push(warning)
  const entitled = sections.find((section) => injected.has(section) && isEntitled(section))
  if (entitled !== undefined) warn(entitled, 'sslclientcert', describeEntitled(entitled), warnings)
  for (const section of sections)
    if (injected.has(section) || pinned.includes(section) || section.id === 'main')
      warnOfSilence(section, warnings)
  for (const section of pinned)
    for (const key of ['mirrorlist', 'metalink'])
      warn(section, key, `[${section.id}] is pinned, but its ${key} may win over its baseurl`, warnings)
  const main = sections.find(({ id }) => id === 'main')
  if (options.proxy === 'keep' && main !== undefined && injected.size > 0 && hasProxy(main))
    warn(main, 'proxy', 'mirrors will be asked through the proxy of [main]', warnings)
  return warnings.toSorted((a, b) => a.line - b.line)
}

function warnOfForm(section: YumDocumentSection): Warning[] {
  const { id, line, parts } = section
  const [, second] = parts
  const warnings: Warning[] = []
  if (second !== undefined)
    warnings.push({ line: second.line, text: `[${id}] was begun above already: its parts count as one` })
  for (const { line, rest, indented } of parts) {
    if (rest !== '') warnings.push({ line, text: `yum 3 refuses what stands behind [${id}]` })
    if (indented)
      warnings.push({ line, text: `yum 3 takes the indented [${id}] for the value of the key above it` })
  }
  if (id === 'DEFAULT')
    warnings.push({ line, text: 'yum 3 takes the keys of [DEFAULT] for those of every section' })
  if (isPattern(id))
    for (const key of ['baseurl', 'mirrorlist', 'metalink', 'proxy'])
      warn(section, key, `dnf 5 takes the ${key} of [${id}] for that of mirrors as well`, warnings)
  return warnings
}

function warnOfInjected(section: YumDocumentSection): Warning[] {
  const warnings: Warning[] = []
  const { id } = section
  warn(section, 'service', `[${id}] belongs to a zypper service, whose refresh writes it anew`, warnings)
  for (const { line, text } of section.parts.flatMap(({ opaque }) => opaque))
    if (/\b(?:baseurl|mirrorlist|metalink)\b/i.test(text))
      warnings.push({ line, text: `a template's line that may set what was injected into [${id}] was left` })
  return warnings
}

/** Whether a section is one that subscription-manager has written for a host that is entitled to it. */
function isEntitled(section: YumDocumentSection): boolean {
  return (findValue(section, 'sslclientcert') ?? '').startsWith('/etc/pki/entitlement')
}

/** Said once: its file has thousands. */
function describeEntitled({ id }: YumDocumentSection): string {
  return `[${id}] belongs to subscription-manager, whose plugin of yum and dnf writes its file anew at each command unless it is switched off`
}

/** Of `[main]` it is what Fedora's dnf.conf says, for all repositories that say nothing. */
function warnOfSilence(section: YumDocumentSection, warnings: Warning[]): void {
  const { id } = section
  if (!isOn(section, 'skip_if_unavailable')) return
  const what = id === 'main' ? 'a repository' : `[${id}]`
  warn(section, 'skip_if_unavailable', `${what} vanishes silently when its mirror fails`, warnings)
}

function hasProxy(section: YumDocumentSection): boolean {
  return !['', '_none_', 'none'].includes((findValue(section, 'proxy') ?? '').toLowerCase())
}

/** Warns at a key's line, where there is one. */
function warn(section: YumDocumentSection, key: string, text: string, warnings: Warning[]): void {
  const found = findKey(section, key)
  if (found !== undefined) warnings.push({ line: found.line, text })
}
