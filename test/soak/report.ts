import type { SoakReport } from './soak.ts'

/** A soak as text: what was done, how often each promise was looked at, and what was not kept, with what was done before. */
export function formatReport({ seed, seconds, judge, peakBytes, snapshots }: SoakReport): string {
  const lines = [
    `seed ${seed}, ${seconds} s, ${snapshots} snapshots, memory at most ${(peakBytes / 2 ** 20).toFixed(0)} MiB`,
    '',
    'done:',
  ]
  for (const [kind, count] of [...judge.done].toSorted(([a], [b]) => a.localeCompare(b)))
    lines.push(`  ${String(count).padStart(7)}  ${kind}`)
  lines.push('', 'promises looked at:')
  for (const [promise, count] of judge.checks) lines.push(`  ${String(count).padStart(7)}  ${promise}`)
  const { violation } = judge
  if (violation === undefined) return `${lines.join('\n')}\n\nno violations\n`
  lines.push('', 'done before:', ...judge.journal.map((line) => `  ${line}`))
  lines.push('', `VIOLATION of “${violation.promise}”: ${violation.stack ?? violation.message}`)
  lines.push(`again: npm run soak -- --minutes ${(seconds / 60).toFixed(2)} --seed ${seed}`)
  return `${lines.join('\n')}\n`
}
