import { PinyonError } from '../model/errors.ts'
import type { AttentionView } from '../proxy/api-attention.ts'
import type { AttentionCode } from '../proxy/attention.ts'
import type { MirrorSource } from './reading.ts'
import { formatAge, toPrintable } from './table.ts'

/** What needs somebody, worst first, as the dashboard lists it; nothing of a server that is too old to tell. */
export async function readAttention(source: MirrorSource): Promise<readonly AttentionView[]> {
  try {
    return (await source.get<{ attention: readonly AttentionView[] }>('attention')).attention
  } catch (error) {
    if (error instanceof PinyonError && error.code === 'NOT_FOUND') return []
    throw error
  }
}

/** A list for a terminal: what needs somebody, why, and the command that goes further. Empty when nothing does. */
export function formatAttention(attention: readonly AttentionView[], nowMs: number): string {
  if (attention.length === 0) return ''
  return `Needs a look:\n${attention.map((one) => formatOne(one, nowMs)).join('')}`
}

function formatOne({ code, mirror, text, cause, since, also }: AttentionView, nowMs: number): string {
  const subject = mirror === null ? text : `${mirror} ${text}`
  const age = since === null ? '' : ` since ${formatAge(since, nowMs).replace(' ago', '')}`
  const further =
    also.length === 0 ? '' : ` Also: ${also.map((word) => word.replaceAll('_', ' ')).join(', ')}.`
  return `  ${toPrintable(subject)}${age}. ${toPrintable(cause)}${further} See ${nextCommand(code, mirror)}.\n`
}

const COMMANDS: Readonly<Record<AttentionCode, (mirror: string) => string>> = {
  jobs_fail: (mirror) => `pinyon usage ${mirror}`,
  configuration_refused: () => 'pinyon check-config',
  lost: (mirror) => `pinyon fetch ${mirror} --at-risk`,
  defective: (mirror) => `pinyon sync ${mirror}`,
  replaced: (mirror) => `pinyon diff ${mirror}`,
  upstream_down: () => 'pinyon doctor',
  at_risk: (mirror) => `pinyon fetch ${mirror} --at-risk`,
  cache_full: () => 'pinyon gc --dry-run',
  told_to_wait: () => 'pinyon doctor',
  stale: () => 'pinyon doctor',
  pinned_long: (mirror) => `pinyon unpin ${mirror}`,
}

function nextCommand(code: AttentionCode, mirror: string | null): string {
  // A newer server may know of more.
  const command = Object.hasOwn(COMMANDS, code) ? COMMANDS[code] : undefined
  return command?.(toPrintable(mirror ?? '')) ?? 'the dashboard'
}
