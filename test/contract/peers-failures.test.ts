import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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
    for (const file of files) {
      assert.match(file, /\.test\.ts$/, text)
      assert.ok(existsSync(join(ROOT, file)), `there is no ${file}: ${text}`)
    }
  }
})

test('every test, and every script, that the README and ARCHITECTURE.md name is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  for (const document of ['README.md', 'ARCHITECTURE.md']) {
    const text = readFileSync(join(ROOT, document), 'utf8')
    const files = [...text.matchAll(/`(test\/[^`\s*<>]+)`/g)].map(([, file = '']) => file)
    assert.ok(files.length > 0)
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), `${document} names ${file}`)
    for (const [, script = ''] of text.matchAll(/`npm run (?:-s )?([a-z][a-z:]*)/g))
      assert.ok(script in scripts, `${document} names npm run ${script}`)
  }
})

test('what docs/what-can-go-wrong.md says that the program says, it says', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8').replaceAll(/^ *(?:\/\*\*|\*|\/\/).*$/gm, ''))
    .join('\n')
  const tables = readFileSync(join(ROOT, 'docs/what-can-go-wrong.md'), 'utf8').split(/^\| it says \|/m)
  assert.equal(tables.length, 3)
  const quoted = tables
    .slice(1)
    .flatMap((table) => [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `([^`]+)`/gm)])
  assert.ok(quoted.length >= 12)
  for (const [, text = ''] of quoted)
    for (const part of text.split('…')) {
      // A file's name and a status are of the case.
      const own = part.replaceAll(/^pinyon\.yaml:7|^: |: 404$| $/g, '')
      assert.ok(sources.includes(own), `nothing says: ${text}`)
    }
})
