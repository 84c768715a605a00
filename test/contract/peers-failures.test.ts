import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const ROOT = dirname(dirname(import.meta.dirname))
/** How many ways to fail are known. */
const KNOWN = 66

interface Row {
  readonly number: number
  readonly text: string
  readonly files: readonly string[]
}

function readRows(document: string): readonly Row[] {
  return document
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line))
    .map((line) => {
      const cells = line.split(' | ')
      const files = [...(cells.at(-1) ?? '').matchAll(/`((?:test|bench)\/[^`]+)`/g)].map(
        ([, file = '']) => file,
      )
      return { number: Number(/\d+/.exec(line)?.[0]), text: line, files }
    })
}

test('each way in which others failed has a test that is there', () => {
  const rows = readRows(readFileSync(join(ROOT, 'docs/peers-failures.md'), 'utf8'))
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: KNOWN }, (_, index) => index + 1),
  )
  for (const { text, files } of rows) {
    assert.ok(files.length > 0, `names no test: ${text}`)
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), `there is no ${file}: ${text}`)
  }
})

test('every test that the README and ARCHITECTURE.md name is there', () => {
  for (const document of ['README.md', 'ARCHITECTURE.md']) {
    const text = readFileSync(join(ROOT, document), 'utf8')
    const files = [...text.matchAll(/`(test\/[^`\s*<>]+)`/g)].map(([, file = '']) => file)
    assert.ok(files.length > 0)
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), `${document} names ${file}`)
  }
})
