import assert from 'node:assert/strict'
import { test } from 'node:test'

import { refuseRestart } from '../../src/app/mirrors.ts'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/load.ts'

const HEAD = 'data_dir: /var/lib/pinyon\n'
const FULL = `${HEAD}mirrors:\n  m: { baseurl: http://h.example/ }\n`

function take(text: string, mayBeEmpty = false): void {
  refuseRestart(parse(FULL), parse(text), mayBeEmpty)
}

function parse(text: string): Config {
  return parseConfig('/etc/pinyon.yaml', text, {})
}

test('no mirrors are taken up where the file says so, and not where it may be cut off', () => {
  const refused = {
    message:
      '/etc/pinyon.yaml: mirrors: found none, expected at least one, or `mirrors: {}` when none is meant: a file that was cut off has none either',
  }
  for (const text of [HEAD, `${HEAD}mirrors:\n`, `${HEAD}mirrors: # {}\n`]) {
    assert.throws(() => take(text), refused, text)
    take(text, true)
  }
  for (const text of [`${HEAD}mirrors: {}\n`, `${HEAD}mirrors: { # none\n}\n`, FULL]) take(text)
})
