import type { IncomingMessage } from 'node:http'

import { PinyonError } from '../model/errors.ts'
import { isMapping } from '../model/is-mapping.ts'
import { parseSnapshotName } from '../model/snapshot-name.ts'
import { readBody } from './request-body.ts'

/** The largest body of a write, in bytes. */
const BODY_MAX_BYTES = 65_536
const LIST_MAX = 1_000
const ITEM_MAX_LENGTH = 300

/** A key's value as it was read; undefined when it is not given. */
type Field<T> = (value: unknown, key: string) => T

/**
 * Reads the body of a write: a JSON object of known keys, or nothing, which is an empty one.
 * @param fields by key, what reads its value; each is asked, with undefined for a key that is not given
 * @throws PinyonError BODY_REFUSED naming key and value, BODY_TOO_LARGE
 */
export async function readJsonBody<Fields extends Record<string, Field<unknown>>>(
  request: IncomingMessage,
  fields: Fields,
): Promise<{ [Key in keyof Fields]: ReturnType<Fields[Key]> }> {
  const body = parseObject(await readBody(request, { maxBytes: BODY_MAX_BYTES }))
  const unknown = Object.keys(body).find((key) => !Object.hasOwn(fields, key))
  if (unknown !== undefined)
    throw refuse(
      `an unknown key, ${describe(unknown)}; expected: ${Object.keys(fields).join(', ') || 'no key'}`,
    )
  const read = Object.entries(fields).map(([key, field]) => [
    key,
    field(Object.hasOwn(body, key) ? body[key] : undefined, key),
  ])
  return Object.fromEntries(read) as { [Key in keyof Fields]: ReturnType<Fields[Key]> }
}

/** A snapshot's name. */
export function snapshotName(value: unknown, key: string): string {
  if (typeof value === 'string' && parseSnapshotName(value) !== undefined) return value
  throw refuse(`${key}: expected a snapshot's name such as 2016-12-13-13-30, found: ${describe(value)}`)
}

/** A string that has to be there. */
function text(value: unknown, key: string): string {
  if (typeof value === 'string') return value
  throw refuse(`${key}: expected a string, found: ${describe(value)}`)
}

/** A string that need not be there. */
export function optionalText(value: unknown, key: string): string | undefined {
  return value === undefined ? undefined : text(value, key)
}

/** A list of so many strings at most, each of so many characters; none when it is not there. */
export function texts(value: unknown, key: string): readonly string[] {
  if (value === undefined) return []
  const isList = Array.isArray(value) && value.length <= LIST_MAX
  if (
    isList &&
    value.every((item) => typeof item === 'string' && item !== '' && item.length <= ITEM_MAX_LENGTH)
  )
    return value as readonly string[]
  const expected = `at most ${LIST_MAX} strings of up to ${ITEM_MAX_LENGTH} characters`
  throw refuse(`${key}: expected ${expected}, found: ${describe(value)}`)
}

/** True or false, the latter when it is not there. */
export function flag(value: unknown, key: string): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  throw refuse(`${key}: expected true or false, found: ${describe(value)}`)
}

/** A whole number from 0 that has to be there. */
export function count(value: unknown, key: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw refuse(`${key}: expected a whole number, found: ${describe(value)}`)
}

/** One of these words, or nothing. */
export function optionalWord<Word extends string>(words: readonly Word[]): Field<Word | undefined> {
  return (value, key) => {
    if (value === undefined) return undefined
    const word = words.find((one) => one === value)
    if (word !== undefined) return word
    throw refuse(`${key}: expected one of ${words.join(', ')}, found: ${describe(value)}`)
  }
}

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  if (bytes.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // What the parser says quotes the body, which may be anything.
    throw refuse('it is not JSON in UTF-8')
  }
  if (isMapping(value)) return value
  throw refuse(`expected an object, found: ${describe(value)}`)
}

function refuse(why: string): PinyonError {
  return new PinyonError('BODY_REFUSED', `the body is refused: ${why}`)
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  const shown = JSON.stringify(value)
  return shown.length <= 80 ? shown : `${shown.slice(0, 80).toWellFormed()}…`
}
