import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** Source files by their path from the project's root, with forward slashes: `src/model/digest.ts` → its text. */
export type SourceFiles = ReadonlyMap<string, string>

export interface Import {
  /** As written: `node:fs`, `../model/digest.ts`, `zod`. */
  readonly specifier: string
  /** The file of the project it means, when it is a relative one. */
  readonly target?: string
}

/** Reads every TypeScript, JavaScript and SQL file below these directories of the project. */
export function readSources(root: string, directories: readonly string[]): SourceFiles {
  const patterns = directories.map((directory) => `${directory}/**/*.{ts,mjs,js,sql}`)
  const paths = globSync(patterns, { cwd: root }).toSorted()
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

const COMMENT_OR_LITERAL = new RegExp(
  [
    String.raw`\/\/[^\n]*`,
    String.raw`\/\*[\s\S]*?\*\/`,
    String.raw`'(?:\\.|[^'\\\n])*'`,
    String.raw`"(?:\\.|[^"\\\n])*"`,
    '`(?:\\\\[\\s\\S]|[^`\\\\])*`',
    // A regular expression stands where no value can end, which tells it from a division.
    String.raw`(?<=(?:^|[(,=:[!&|?{};+>]|\breturn|=>)\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/`,
  ].join('|'),
  'gm',
)

/** The text with comments blanked out; strings stay, and so do all line breaks. */
export function withoutComments(text: string): string {
  return text.replace(COMMENT_OR_LITERAL, (found) =>
    found.startsWith('//') || found.startsWith('/*') ? found.replace(/[^\n]/g, ' ') : found,
  )
}

const IMPORT =
  /(?:^|[;}\n])\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g

/** What a file imports or re-exports, statically or by `import()`, types included. */
export function findImports(path: string, text: string): Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2] ?? ''
    if (!specifier.startsWith('.')) return { specifier }
    return { specifier, target: posix.join(posix.dirname(path), specifier) }
  })
}
