import type { ProxyRule } from './injection.ts'

/** Which distribution an id is for. */
const SUFFIX = /-(fc|el)([0-9]+)$/
const FIRST_FEDORA_WITH_NONE = 29

/**
 * The value of `proxy` by which no proxy is used: yum 3 only knows `_none_`, dnf took over `None` from Fedora 29 on; dnf 4 knows both.
 * Undefined where the rule says to keep what is there.
 */
export function chooseProxy(id: string, rule: ProxyRule): string | undefined {
  if (rule === 'keep') return undefined
  if (rule !== 'auto') return rule
  const [, family, release] = SUFFIX.exec(id) ?? []
  if (family === undefined) return 'None'
  return family === 'fc' && Number(release) >= FIRST_FEDORA_WITH_NONE ? 'None' : '_none_'
}
