/**
 * Tells of a result file: `node bench/report.ts [--markdown | --picture] [FILE.json]`, by default the table of the kept one. README's
 * tables are what `--markdown` prints.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { formatFigures } from './report/figure-table.ts'
import { formatMarkdown } from './report/markdown.ts'
import { formatPicture } from './report/picture.ts'
import { readResult } from './report/result.ts'

const { values, positionals } = parseArgs({
  options: { markdown: { type: 'boolean', default: false }, picture: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const result = readResult(positionals[0] ?? join(import.meta.dirname, 'results/reference.json'))
if (values.picture) process.stdout.write(formatPicture(result))
else process.stdout.write(values.markdown ? formatMarkdown(result) : formatFigures(result.figures))
