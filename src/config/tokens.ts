import { hash } from 'node:crypto'
import type { TokenConfig } from './config.ts'
import { describeUnread, readSmallFile } from './small-file.ts'

/** The name of a token: it stands in the history of the index and in logs. */
export const TOKEN_NAME = /^[A-Za-z0-9._-]{1,64}$/

/** The longest file, in bytes. */
const FILE_MAX_BYTES = 4096
/** Fewer characters could be guessed. */
const TOKEN_MIN_LENGTH = 16

const EXPECTED = `a file of one line that holds a token of at least ${TOKEN_MIN_LENGTH} characters`

/** The hash of a token, or what is wrong with its file, without any of what is in it. */
type TokenReading = { readonly sha256: Buffer } | { readonly expected: string }

/**
 * Reads the files of tokens and keeps their hashes.
 *
 * @param refuse is told what was expected of a token's file
 */
export function readTokens(
  tokens: Readonly<Record<string, { readonly file: string }>>,
  refuse: (name: string, expected: string) => void,
): ReadonlyMap<string, TokenConfig> {
  const read = new Map<string, TokenConfig>()
  for (const [name, { file }] of Object.entries(tokens)) {
    const reading = readToken(file)
    if ('expected' in reading) {
      refuse(name, reading.expected)
      continue
    }
    const { sha256 } = reading
    const other = [...read].find(([, token]) => Buffer.compare(token.sha256, sha256) === 0)?.[0]
    // Who wrote could not be told.
    if (other !== undefined) refuse(name, `a token other than that of ${other}`)
    else read.set(name, { file, sha256 })
  }
  return read
}

function readToken(file: string): TokenReading {
  let text: string
  try {
    const bytes = readSmallFile(file, FILE_MAX_BYTES)
    if (bytes === undefined) return { expected: `${EXPECTED} (it is larger than ${FILE_MAX_BYTES} bytes)` }
    text = bytes.toString('latin1').trim()
  } catch (thrown) {
    return { expected: `${EXPECTED} (${describeUnread(file, thrown)})` }
  }
  if (text.length < TOKEN_MIN_LENGTH) return { expected: `${EXPECTED} (it holds fewer)` }
  // What could not be sent in a header as it is.
  if (!/^[\x21-\x7e]+$/.test(text))
    return { expected: `${EXPECTED} (it holds blanks, line breaks or characters beyond ASCII)` }
  return { sha256: hash('sha256', text, 'buffer') }
}
