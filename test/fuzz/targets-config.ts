import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { formatConfig } from '../../src/config/format.ts'
import { parseConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { configKeys } from '../../src/config/schema.ts'
import { kindOf, type FuzzTarget } from './target.ts'

const EXAMPLES = join(import.meta.dirname, '../../config/examples')
/** Nobody writes it: relative paths and URLs are relative to it. */
const FILE = '/nonexistent/pinyon.yaml'
const KEYS = configKeys()

/** Configuration: refused with places that are there, or taken, and what is printed of it means the same. */
export const CONFIGURATION: FuzzTarget = {
  name: 'configuration',
  isOwn: true,
  seeds: [
    'mirrors: { a: { baseurl: http://h/a, pin: 2016-12-13-13-30, timeout: 5 } }\n',
    'listen: 8080\nretention: { keep: 7 }\ncache: { max_size: 5GB }\nmirrors:\n  a:\n    baseurl: [ file:x, "http://h/${X:-y}" ]\n    enabled: false\n    retries: 0\n',
    'mirrors: &m\n  a: &a { baseurl: http://h/ }\n  b: *a\n',
    readFileSync(join(EXAMPLES, 'epel.yaml'), 'utf8'),
  ],
  words: [
    ...KEYS.top,
    ...KEYS.mirror,
    ...KEYS.retention,
    ...KEYS.cache,
    ': ',
    '\n',
    '\n  ',
    '\n    ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '#',
    '"',
    "'",
    '|',
    '>',
    '&a',
    '*a',
    '!!str',
    '!x',
    '---',
    '...',
    '${X}',
    '${X:-1}',
    '$${',
    '~',
    'null',
    'true',
    'off',
    '8h',
    '1GiB',
    'http://u:p@h/',
    'file:///',
    '%',
    '\t',
    '<<',
    '? ',
    '\ufeff',
    '__proto__',
  ],
  check: (input) => {
    const text = input.toString('utf8')
    try {
      const config = parseConfig(FILE, text, { X: 'x' })
      const printed = formatConfig(config)
      // Credentials are masked, and tokens read: neither can be read again.
      if (!/\*\*\*@/.test(printed) && config.tokens === undefined)
        assert.deepEqual(withoutLines(parseConfig(FILE, printed, {})), withoutLines(config))
      return `taken: ${Math.min(config.mirrors.size, 5)} mirrors`
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const lines = text.split(/\r\n|\r|\n/).length
      for (const { line, found, expected } of error.problems) {
        assert.ok(line === undefined || (line >= 1 && line <= lines), `line ${line} of ${lines}`)
        assert.ok(found !== '' && expected !== '')
      }
      assert.ok(error.problems.length > 0 && error.message.length < 100_000)
      return kindOf(
        error.problems
          .map(({ key, expected }) => `${key.replaceAll(/mirrors\.[^.]*/g, 'm')} ${expected}`)
          .join(' '),
      )
    }
  },
}

/** Where things stand in the file is another matter than what they say. */
function withoutLines(config: ReturnType<typeof parseConfig>): unknown {
  const mirrors = [...config.mirrors.values()].map(({ pinLine: _line, pinWhy: _why, ...rest }) => rest)
  return { ...config, mirrors }
}
