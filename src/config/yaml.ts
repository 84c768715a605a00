import { parseDocument, type Document, type LineCounter, type YAMLError } from 'yaml'
import { clean } from './describe.ts'
import { findExcess, type Remark } from './limits.ts'

/** Problems kept: a file that is wrong throughout is not worth more. */
export const PROBLEMS_MAX = 100

/**
 * Parses one document of YAML 1.2, core schema, whatever its %YAML line says.
 *
 * @param lines learns where the lines of the text begin
 * @returns the syntax tree, and what is wrong; with any remark the tree is not to be relied on
 */
export function parseYaml(
  text: string,
  lines: LineCounter,
): { readonly document?: Document; readonly remarks: readonly Remark[] } {
  const excess = findExcess(text)
  if (excess !== undefined) {
    for (let start = 0; start >= 0 && start <= excess.offset; start = text.indexOf('\n', start) + 1 || -1) {
      lines.addNewLine(start)
    }
    return { remarks: [excess] }
  }
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    lineCounter: lines,
    prettyErrors: false,
    // A mirror may be called 7 or null.
    stringKeys: true,
    // ConfigDocument says where the first one is, too.
    uniqueKeys: false,
  })
  return { document, remarks: selectErrors(text, lines, [...document.errors, ...document.warnings]) }
}

/** The first error of each line: the further ones mostly follow from it. */
function selectErrors(text: string, lines: LineCounter, errors: readonly YAMLError[]): Remark[] {
  const remarks = new Map<number, Remark>()
  for (const error of errors) {
    const { line } = lines.linePos(error.pos[0])
    const [written = ''] = text.slice(lines.lineStarts[line - 1]).split('\n', 1)
    if (!remarks.has(line)) remarks.set(line, describeError(error, written))
    if (remarks.size === PROBLEMS_MAX) break
  }
  return [...remarks.values()]
}

function describeError({ code, message, pos: [offset] }: YAMLError, line: string): Remark {
  if (code === 'MULTIPLE_DOCS') return { offset, found: 'a second YAML document', expected: 'only one' }
  if (code === 'NON_STRING_KEY') return { offset, found: 'a key that is not a word', expected: 'a word' }
  const hint = line.includes('${') ? ' (within [ ] and { } put quotes around ${NAME})' : ''
  return { offset, found: `a YAML error (${clean(message)})`, expected: `valid YAML${hint}` }
}
