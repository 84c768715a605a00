import { PinyonError } from '../model/errors.ts'
import { createTextReply, type TextReply } from './reply.ts'

/** A value as the API answers it: one line of JSON. */
export function createJsonReply(value: unknown): TextReply {
  return createTextReply('application/json', `${JSON.stringify(value)}\n`)
}

/** A moment in milliseconds as ISO 8601; null for one that has not come. */
export function toIso(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString()
}

/** A whole number of a query; undefined when it is not given. Throws PATH_REFUSED for anything else. */
export function readCount(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text))
    throw new PinyonError(
      'PATH_REFUSED',
      `expected a whole number for ${key}, found: ${JSON.stringify(text)}`,
    )
  return Number(text)
}
