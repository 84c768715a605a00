import { matchesGlob } from './glob.ts'

/** The files of one directory whose names fit. */
export interface FilePattern {
  /** `''`, or ending in a slash. */
  readonly directory: string
  /** Whether a name does, in the time of {@link matchesGlob}. */
  readonly fits: (name: string) => boolean
}

/** Whether a path stands for more than one file. */
export function isFilePattern(path: string): boolean {
  return /[*?]/.test(path)
}

/**
 * Reads a path whose last segment has `*`, for any characters, or `?`, for one. As in a shell, neither begins a name that a dot does.
 * Undefined for one whose directory is a pattern: no listing of upstream's says what is in all of them.
 */
export function parseFilePattern(path: string): FilePattern | undefined {
  const slash = path.lastIndexOf('/') + 1
  const [directory, pattern] = [path.slice(0, slash), path.slice(slash)]
  if (isFilePattern(directory) || pattern === '') return undefined
  const isHiddenMeant = pattern.startsWith('.')
  return { directory, fits: (name) => isHiddenMeant === name.startsWith('.') && matchesGlob(pattern, name) }
}
