/**
 * Tells of a result file: `node bench/report.ts [--markdown | --picture | --readme] [FILE.json]`, by default the table of the kept one.
 * `--readme` puts what `--markdown` prints into README.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { formatFigures } from './report/figure-table.ts'
import { formatMarkdown, replaceTables } from './report/markdown.ts'
import { formatPicture } from './report/picture.ts'
import { readResult } from './report/result.ts'

const { values, positionals } = parseArgs({
  options: {
    markdown: { type: 'boolean', default: false },
    picture: { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const result = readResult(positionals[0] ?? join(import.meta.dirname, 'results/reference.json'))
if (values.readme) {
  const file = join(import.meta.dirname, '../README.md')
  writeFileSync(file, replaceTables(readFileSync(file, 'utf8'), formatMarkdown(result)))
} else if (values.picture) process.stdout.write(formatPicture(result))
else process.stdout.write(values.markdown ? formatMarkdown(result) : formatFigures(result.figures))
