import { PinyonError } from '../model/errors.ts'

/** One thing wrong with a configuration file. */
export interface ConfigProblem {
  /** The file, as it was named to us. */
  readonly file: string
  /** 1-based; absent when the file as a whole is the trouble. */
  readonly line?: number
  /** 1-based. */
  readonly column?: number
  /** Path of the key such as `mirrors.epel.timeout` or `mirrors.epel.baseurl[1]`; empty for the document as a whole. */
  readonly key: string
  /** What is there, ready to print: strings quoted, credentials masked. */
  readonly found: string
  /** What should be there instead. */
  readonly expected: string
}

/** A configuration that cannot be used: everything wrong with it at once, one problem a line in the message. */
export class ConfigError extends PinyonError {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[], cause?: unknown) {
    super('CONFIG_INVALID', problems.map(formatProblem).join('\n'), { cause })
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `config/pinyon.yaml:12: mirrors.epel.timeout: found "soon", expected a duration such as 30s or 5m` */
function formatProblem(problem: ConfigProblem): string {
  const where = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`
  const what = problem.key === '' ? '' : `${problem.key}: `
  return `${where}: ${what}found ${problem.found}, expected ${problem.expected}`
}
