import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { quoteSecret } from '../config/describe.ts'
import { ConfigError, type ConfigProblem } from '../config/problem.ts'
import { CONFIG_MAX_BYTES, describeReadFailure } from '../config/read.ts'
import { maskSecrets } from '../inject/refusal.ts'
import { parseYumConfig, type YumProblem, type YumSection } from '../inject/yum-config.ts'

/** A yum or dnf configuration file that was read. */
export interface YumFile {
  /** As it was named to us; a directory's with the directory before it. */
  readonly label: string
  readonly sections: readonly YumSection[]
}

const STANDARD_INPUT = '-'
const READABLE = 'a readable yum or dnf configuration'

/**
 * Reads yum and dnf configuration files; a directory stands for its *.repo files in the order of their names, `-` for standard input.
 *
 * @throws {ConfigError} with everything wrong with all of them
 */
export async function readYumFiles(paths: readonly string[]): Promise<readonly YumFile[]> {
  const problems: ConfigProblem[] = []
  const files: YumFile[] = []
  for (const path of paths)
    for (const label of await listFiles(path, problems)) {
      const bytes = await readBytes(label, problems)
      if (bytes === undefined) continue
      const config = parseYumConfig(bytes)
      problems.push(...config.problems.map((problem) => describeProblem(label, problem)))
      files.push({ label: label === STANDARD_INPUT ? 'standard input' : label, sections: config.sections })
    }
  if (problems.length > 0) throw new ConfigError(problems)
  return files
}

async function listFiles(path: string, problems: ConfigProblem[]): Promise<readonly string[]> {
  if (path === STANDARD_INPUT) return [path]
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = (await readdir(path)).filter((name) => name.endsWith('.repo')).toSorted()
    if (names.length > 0) return names.map((name) => join(path, name))
    problems.push({ file: path, key: '', found: 'a directory without *.repo files', expected: 'some' })
  } catch (error) {
    problems.push({ file: path, key: '', found: describeReadFailure(error), expected: READABLE })
  }
  return []
}

async function readBytes(path: string, problems: ConfigProblem[]): Promise<Uint8Array | undefined> {
  const fail = (found: string) => {
    problems.push({ file: path, key: '', found, expected: READABLE })
    return undefined
  }
  const chunks: Buffer[] = []
  let sizeBytes = 0
  try {
    const stream: AsyncIterable<Buffer> = path === STANDARD_INPUT ? process.stdin : createReadStream(path)
    for await (const chunk of stream) {
      sizeBytes += chunk.length
      if (sizeBytes > CONFIG_MAX_BYTES) return fail(`more than ${CONFIG_MAX_BYTES / 1024 / 1024} MiB`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch (error) {
    return fail(describeReadFailure(error))
  }
}

function describeProblem(label: string, { line, text, expected }: YumProblem): ConfigProblem {
  const found = text === undefined ? 'bytes that are not UTF-8' : quoteSecret(maskSecrets(text))
  return { file: label === STANDARD_INPUT ? 'standard input' : label, line, key: '', found, expected }
}
