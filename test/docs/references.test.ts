import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { formatCliReference } from './reference-cli.ts'
import { formatConfigReference } from './reference-config.ts'
import { formatErrorReference, formatOutcomeReference } from './reference-errors.ts'
import { formatMetricReference } from './reference-metrics.ts'

const REFERENCE = new URL('../../docs/reference/', import.meta.url).pathname

const REFERENCES: readonly (readonly [string, (t: TestContext) => string | Promise<string>])[] = [
  ['commands.md', formatCliReference],
  ['configuration.md', formatConfigReference],
  ['errors.md', formatErrorReference],
  ['metrics.md', formatMetricReference],
  ['outcomes.md', formatOutcomeReference],
]

for (const [name, format] of REFERENCES) {
  test(`docs/reference/${name} is what the sources say`, async (t) => {
    const text = `${(await format(t)).trimEnd()}\n`
    const file = join(REFERENCE, name)
    // `npm run docs`
    if (process.env['DOCS_WRITE'] === '1') writeFileSync(file, text)
    assert.equal(readFileSync(file, 'utf8'), text, 'npm run docs makes it anew')
  })
}
