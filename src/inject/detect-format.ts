import { toByteText } from './byte-text.ts'
import type { ConfigFormat } from './injection.ts'

/** A mock_runner list may have the distribution behind it: `check.repos.el9`. */
const NAMES: readonly (readonly [RegExp, ConfigFormat])[] = [
  [/\.repos(?:\.[A-Za-z0-9_-]+)?$/, 'repos'],
  [/\.(?:repo|conf|yumrepos(?:\.[A-Za-z0-9_-]+)?)$/, 'yum'],
  [/\.(?:cfg|tpl)$/, 'mock'],
]
/** What is looked at where the name says nothing; a mock configuration's first lines may be a long comment. */
const HEAD_BYTES = 65_536
const MOCK = /^[ \t]*(?:config_opts[ \t]*\[|include[ \t]*\()/m
const LIST = /^[ \t]*(?:[^\s,[\]=]+,)?[a-z]+:\/\/\S+[ \t]*$/

/**
 * The format of a configuration by its file's name, and where that says nothing by content: `config_opts[` makes it mock's, a first line
 * that is `id,url` or a URL a list.
 */
export function detectFormat(fileName: string, bytes: Uint8Array): ConfigFormat {
  const named = NAMES.find(([pattern]) => pattern.test(fileName.toLowerCase()))
  if (named !== undefined) return named[1]
  const head = toByteText(bytes.subarray(0, HEAD_BYTES))
  if (MOCK.test(head)) return 'mock'
  const first = head.split(/\r?\n/).find((line) => !/^[ \t]*(?:#|$)/.test(line))
  return first !== undefined && LIST.test(first) ? 'repos' : 'yum'
}
