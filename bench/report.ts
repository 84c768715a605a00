/**
 * Tells of a result file: `node bench/report.ts [--markdown | --picture | --readme] [FILE.json]`, by default the table of the kept one.
 * `--readme` puts what `--markdown` prints into bench/results/README.md, and hits alone into README.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { formatFigures } from './report/figure-table.ts'
import { formatMarkdown, replaceTables } from './report/markdown.ts'
import { formatPicture } from './report/picture.ts'
import { readResult } from './report/result.ts'
import { readArguments } from '../test/support/script-arguments.ts'

const options = {
  markdown: { type: 'boolean', default: false },
  picture: { type: 'boolean', default: false },
  readme: { type: 'boolean', default: false },
} as const
const { values, positionals } = readArguments(import.meta.filename, (args) =>
  parseArgs({ args: [...args], options, allowPositionals: true }),
)
const result = readResult(positionals[0] ?? join(import.meta.dirname, 'results/reference.json'))
if (values.readme) {
  const hits = result.figures.filter(({ scenario }) => scenario === 'hot')
  putTables('../README.md', formatMarkdown({ ...result, figures: hits, notes: [] }))
  putTables('results/README.md', formatMarkdown(result))
} else if (values.picture) process.stdout.write(formatPicture(result))
else process.stdout.write(values.markdown ? formatMarkdown(result) : formatFigures(result.figures))

function putTables(path: string, markdown: string): void {
  const file = join(import.meta.dirname, path)
  writeFileSync(file, replaceTables(readFileSync(file, 'utf8'), markdown))
}
