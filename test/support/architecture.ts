import { findImports, withoutComments, type Import, type SourceFiles } from './source-text.ts'

/** Rooms of src by level: a room imports rooms of lower levels only, so those of one level do not import each other. */
const ROOM_LEVELS = [
  ['model'],
  ['config', 'system'],
  ['cache', 'upstream', 'repodata', 'signature', 'inject'],
  ['snapshot'],
  ['proxy'],
  ['dashboard'],
  ['http'],
  ['app'],
  ['cli'],
] as const

/** Who may see the configuration file's shape; all others are given plain options. */
const CONFIG_READERS = ['cli', 'app']

/** Files outside the rooms, the rooms that each may import, and those that may import it. */
const FILES_OUTSIDE: Readonly<Record<string, { imports: readonly string[]; importers: readonly string[] }>> =
  {
    'src/main.ts': { imports: ['cli', 'model'], importers: [] },
    'src/setup.mjs': { imports: [], importers: [] },
    'src/build.mjs': { imports: [], importers: [] },
    'src/version.ts': { imports: [], importers: ['app', 'cli'] },
  }

export const MAX_LINES = 400
export const MAX_MEDIAN_LINES = 130

const SQL =
  /\b(?:SELECT\b[^;]*?\bFROM|INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\b/
const SQL_HOMES = /^src\/(?:snapshot\/(?:(?:\w+\/)?sql[^/]*\.ts$|migrations\/)|system\/claims\.ts$)/

const RENAME = /\brename(?:Sync)?\(/
/** setup.mjs comes before anything that it could import. */
const RENAME_HOMES = /^src\/(?:system\/publish\.ts|setup\.mjs)$/

// With brackets, so as not to find itself.
const REMINDER = /\b(?:TO[D]O|FIX[M]E)\b/

/** The room of a file in src: its directory, or its name for a room that is one file. Undefined for a file outside them. */
function roomOf(path: string): string | undefined {
  if (path in FILES_OUTSIDE) return undefined
  return /^src\/([^/.]+)/.exec(path)?.[1]
}

/** Imports against the order of rooms, from outside src, or of what a room must not know. */
export function checkRooms(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const room = roomOf(path)
    if (room !== undefined && levelOf(room) < 0) return [`${path} is in no room of the architecture: ${room}`]
    return findImports(path, text).flatMap((found) => {
      const reason = refuseImport(path, room, found)
      return reason === undefined ? [] : [`${path} imports ${found.specifier}: ${reason}`]
    })
  })
}

function refuseImport(
  path: string,
  room: string | undefined,
  { specifier, target }: Import,
): string | undefined {
  if (target === undefined) {
    const isPure = room !== 'model' || specifier === 'node:crypto'
    return isPure ? undefined : 'the model does no I/O and needs no package'
  }
  if (target === 'package.json') return undefined
  const outside = FILES_OUTSIDE[target]
  if (outside !== undefined)
    return outside.importers.includes(room ?? '') ? undefined : `${target} is not for it`
  const other = roomOf(target)
  if (other === undefined) return 'it is in no room of src'
  if (room === undefined) {
    return FILES_OUTSIDE[path]?.imports.includes(other) === true
      ? undefined
      : `${path} does not know ${other}`
  }
  if (other === room) return undefined
  if (other === 'config' && !CONFIG_READERS.includes(room)) return `${room} is given plain options`
  return levelOf(other) < levelOf(room) ? undefined : `${other} does not come before ${room}`
}

function levelOf(room: string): number {
  return ROOM_LEVELS.findIndex((level) => (level as readonly string[]).includes(room))
}

/** Files that import each other in a circle, each circle once. */
export function checkCycles(files: SourceFiles): string[] {
  const targets = new Map(
    [...files].map(([path, text]) => [path, findImports(path, text).map(({ target }) => target)]),
  )
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): string[] => {
    const start = trail.indexOf(path)
    if (start >= 0) return [`import cycle: ${[...trail.slice(start), path].join(' → ')}`]
    if (done.has(path)) return []
    const found = (targets.get(path) ?? []).flatMap((target) =>
      target ? visit(target, [...trail, path]) : [],
    )
    done.add(path)
    return found
  }
  return [...files.keys()].flatMap((path) => visit(path, []))
}

const REPORTER = 'test/support/failures-reporter.ts'

/** Default exports, but for what Node takes by one. */
export function checkExports(files: SourceFiles): string[] {
  const checked = new Map([...files].filter(([path]) => path !== REPORTER))
  return matching(checked, /^\s*export\s+(?:default\b|\{[^}]*\bas\s+default\b)/m, 'has a default export')
}

/** Files that are too long, and a median that says files are growing. */
export function checkLengths(files: SourceFiles): string[] {
  const lengths = [...files].map(([path, text]) => [path, text.split('\n').length - 1] as const)
  const long = lengths.filter(([, lines]) => lines > MAX_LINES)
  const sorted = lengths.map(([, lines]) => lines).toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  return [
    ...long.map(([path, lines]) => `${path} has more than ${MAX_LINES} lines: ${lines}`),
    ...(median > MAX_MEDIAN_LINES
      ? [`the median file has more than ${MAX_MEDIAN_LINES} lines: ${median}`]
      : []),
  ]
}

/** SQL outside the files that hold all of it, so that another database can take their place. */
export function checkSql(files: SourceFiles): string[] {
  return matching(outside(files, SQL_HOMES), SQL, 'holds SQL')
}

/** Renames outside the one file that publishes atomically. */
export function checkRenames(files: SourceFiles): string[] {
  return matching(outside(files, RENAME_HOMES), RENAME, 'renames files, which is for src/system/publish.ts')
}

/** Words that put work off, in code or comment. */
export function checkReminders(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const word = REMINDER.exec(text)?.[0]
    return word === undefined ? [] : [`${path} puts something off: ${word}`]
  })
}

const EXPORTED =
  /^export (?:async )?(?:function\*? (\w+)|(?:abstract )?class (\w+)|const (\w+)(?:: [^=]+)? = (?:async )?(?:function\b|<[^>]*>\(|\([^)]*\)(?:: [^=]+)? =>|\w+ =>))/

/** Exported functions and classes without a doc comment right before them; overloads share the first one's. */
export function checkDocComments(files: SourceFiles): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.split('\n')
    const documented = new Set<string>()
    return lines.flatMap((line, index) => {
      const match = EXPORTED.exec(line)
      const name = match?.slice(1).find((group) => group !== undefined)
      if (name === undefined || documented.has(name)) return []
      documented.add(name)
      return endsDocComment(lines, index - 1) ? [] : [`${path} exports without a doc comment: ${name}`]
    })
  })
}

function endsDocComment(lines: readonly string[], last: number): boolean {
  if (lines[last]?.startsWith('// oxlint-disable') === true) return endsDocComment(lines, last - 1)
  if (lines[last]?.endsWith('*/') !== true) return false
  const first = lines.findLastIndex((line, index) => index <= last && line.startsWith('/*'))
  return lines[first]?.startsWith('/**') === true
}

function outside(files: SourceFiles, homes: RegExp): SourceFiles {
  return new Map([...files].filter(([path]) => !homes.test(path)))
}

function matching(files: SourceFiles, pattern: RegExp, what: string): string[] {
  return [...files]
    .filter(([, text]) => pattern.test(withoutComments(text)))
    .map(([path]) => `${path} ${what}`)
}
