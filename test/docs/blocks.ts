import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export const ROOT = new URL('../../', import.meta.url).pathname

/** A fenced block of a document. */
export interface Block {
  readonly document: string
  /** 1-based, of its first line. */
  readonly line: number
  readonly language: string
  readonly text: string
  /** Why it is not run, as the comment before it says: `<!-- not run: … -->`. */
  readonly notRun: string | undefined
}

/** The README and what is written by hand in docs/, by path from the top. */
export function documents(): readonly string[] {
  const written = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  return ['README.md', ...written.toSorted().map((name) => `docs/${name}`)]
}

/** The fenced blocks of a document, those in lists included. */
export function readBlocks(document: string): readonly Block[] {
  const lines = readFileSync(join(ROOT, document), 'utf8').split('\n')
  const blocks: Block[] = []
  let open: { line: number; indent: number; language: string; notRun: string | undefined } | undefined
  let mark: string | undefined
  for (const [index, line] of lines.entries()) {
    const { indent = '', language = '' } = /^(?<indent> *)```(?<language>[a-z]*)$/.exec(line)?.groups ?? {}
    if (open !== undefined && line.trim() === '```') {
      const text = lines
        .slice(open.line - 1, index)
        .map((one) => one.slice(open?.indent))
        .join('\n')
      blocks.push({ document, line: open.line, language: open.language, text, notRun: open.notRun })
      open = undefined
      mark = undefined
    } else if (open === undefined && line.includes('```'))
      open = { line: index + 2, indent: indent.length, language, notRun: mark }
    else if (open === undefined && line.trim() !== '') mark = /^ *<!-- not run: (.+) -->$/.exec(line)?.[1]
  }
  return blocks
}

/** A link of a document to a file, from the top. */
export interface Link {
  readonly path: string
  readonly anchor: string | undefined
}

/** The links to files of a document below `root`. What stands in code is none. */
export function readLinks(root: string, document: string): readonly Link[] {
  const prose = readFileSync(join(root, document), 'utf8').replaceAll(/```.*?```|`[^`\n]*`/gs, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return []
    const [path = '', anchor] = target.split('#')
    return [{ path: path === '' ? document : normalize(join(dirname(document), path)), anchor }]
  })
}
