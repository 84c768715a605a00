import type { Config, GpgKey } from '../config/config.ts'
import { toPinyonError } from '../model/errors.ts'
import type { SigningKey } from '../signature/signing-key.ts'
import { createJudge, type Judge } from '../snapshot/keys/judge.ts'

/** What the keys of a configuration are, a line each, and what is wrong with those that cannot be used. */
export interface CheckedKeys {
  readonly lines: readonly string[]
  readonly problems: readonly string[]
}

/** Reads the keys in the files that mirrors name. Those of URLs are for the server to fetch. */
export async function checkKeys({ mirrors }: Config, nowMs: number): Promise<CheckedKeys> {
  const judge = createJudge(new AbortController().signal)
  const lines: string[] = []
  const problems: string[] = []
  for (const { name, gpgKeys = [] } of mirrors.values())
    for (const source of gpgKeys) {
      const found = await checkKey(judge, source, nowMs)
      lines.push(...found.lines.map((line) => `${name}: ${line}`))
      problems.push(...found.problems.map((problem) => `mirrors.${name}.gpgkey: ${problem}`))
    }
  return { lines, problems }
}

async function checkKey(judge: Judge, source: GpgKey, nowMs: number): Promise<CheckedKeys> {
  if ('url' in source) return { lines: [`${source.url}: fetched by the server`], problems: [] }
  const { file, armored } = source
  try {
    const { keys, problems } = await judge.judge(armored, nowMs)
    const broken = problems.map((problem) => `${file} has a key that cannot be read: ${problem}`)
    const signs = keys.filter(({ refusal }) => refusal === undefined)
    const useless = signs.length > 0 ? [] : [`no key of ${file} can be used${keys.map(toReason).join('')}`]
    return { lines: keys.map((key) => `${file}: ${describe(key)}`), problems: [...broken, ...useless] }
  } catch (error) {
    return { lines: [], problems: [`${file}: ${toPinyonError(error).message}`] }
  }
}

function describe(key: SigningKey): string {
  const { fingerprint, primary, kind, owner, expiresAt, refusal } = key
  const what = fingerprint === primary ? owner : `subkey of ${primary}`
  const expires = expiresAt === undefined ? '' : `, expires ${new Date(expiresAt).toISOString().slice(0, 10)}`
  return `${fingerprint} ${kind} ${what}${expires}${refusal === undefined ? '' : ` (not used: ${refusal})`}`
}

function toReason({ fingerprint, refusal = '' }: SigningKey): string {
  return `; ${fingerprint}: ${refusal}`
}
