import { readFileSync } from 'node:fs'
import { ERROR_KINDS } from '../../src/model/errors.ts'
import { OUTCOMES } from '../../src/model/outcome.ts'
import { formatTable, GENERATED } from './markdown.ts'

function readSource(name: string): string {
  return readFileSync(new URL(`../../src/model/${name}`, import.meta.url), 'utf8')
}

/** Every code of an error, and what it comes to. */
export function formatErrorReference(): string {
  const source = readSource('errors.ts')
  const rows = Object.entries(ERROR_KINDS).map(([code, { status, outcome, source: whose, retryable }]) => {
    const meaning = new RegExp(`/\\*\\* ([^\\n]*) \\*/\\n  ${code}: `).exec(source)?.[1] ?? ''
    return [`\`${code}\``, String(status), `\`${outcome}\``, whose, retryable ? 'yes' : 'no', meaning]
  })
  return [
    GENERATED,
    '# Error codes',
    'Errors of the API are `application/problem+json` with such a `code`; log lines have it as well, and below `/repos` the words are in `X-Pinyon-Reason`. *Whose*: whose trouble it is. *Again*: whether asking again, or elsewhere, can help.',
    formatTable(['code', 'status', 'outcome', 'whose', 'again', 'what it is'], rows),
  ].join('\n\n')
}

/** Every way in which a request can end. */
export function formatOutcomeReference(): string {
  const source = readSource('outcome.ts')
  const rows = OUTCOMES.map((outcome) => {
    const meaning = new RegExp(`^ \\* - ${outcome}: (.*)$`, 'm').exec(source)?.[1] ?? ''
    return [`\`${outcome}\``, meaning]
  })
  return [
    GENERATED,
    '# Outcomes',
    'How a request was answered, in one word: the `X-Cache` header of every answer below `/repos`, the `outcome` of its log line, and the label of metrics.',
    formatTable(['outcome', 'how the request was answered'], rows),
  ].join('\n\n')
}
