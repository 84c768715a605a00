/** The files of one directory whose names fit. */
export interface FilePattern {
  /** `''`, or ending in a slash. */
  readonly directory: string
  /** Whether a name does, in time that grows with its length only. */
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
  return { directory, fits: (name) => isHiddenMeant === name.startsWith('.') && fits(pattern, name) }
}

/** Goes back to the last `*` alone: what an earlier one could stand for, that can as well. */
function fits(pattern: string, name: string): boolean {
  let [at, in_] = [0, 0]
  let star: { readonly at: number; readonly in_: number } | undefined
  while (in_ < name.length) {
    if (pattern[at] === '*') star = { at: at++, in_ }
    else if (pattern[at] === '?' || pattern[at] === name[in_]) [at, in_] = [at + 1, in_ + 1]
    else if (star === undefined) return false
    else {
      star = { at: star.at, in_: star.in_ + 1 }
      ;[at, in_] = [star.at + 1, star.in_]
    }
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}
