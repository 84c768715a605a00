import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

import type { CommandResult } from '../../support/run-command.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { pinyon } from '../pinyon.ts'

/** A directory with files of a job's, and what a job does there. */
export interface Job {
  readonly dir: string
  /** Writes a file below the directory and gives its path. */
  readonly write: (name: string, content: string | Uint8Array) => string
  readonly read: (name: string) => string
  /** Every file below the directory by name, with its content. */
  readonly tree: () => Readonly<Record<string, string>>
  /** Runs `pinyon inject` there; the environment names no index but what is told. */
  readonly inject: (
    args: readonly string[],
    env?: Readonly<Record<string, string | undefined>>,
  ) => Promise<CommandResult>
}

/** A repository as distributed: an enabled one with a metalink. */
export function repoSection(id: string, ...lines: readonly string[]): string {
  return [
    `[${id}]`,
    `name=${id}`,
    `metalink=https://mirrors.example.org/metalink?repo=${id}`,
    ...lines,
    '',
  ].join('\n')
}

/** A flat index of these mirrors as a data URL. */
export function dataIndex(map: object): string {
  return `data:application/json,${JSON.stringify(map)}`
}

/** Begins a job in a directory of its own with these files. */
export function startJob(t: TestContext, files: Readonly<Record<string, string>> = {}): Job {
  const dir = tempDir(t)
  const write = (name: string, content: string | Uint8Array) => {
    const path = join(dir, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }
  for (const [name, content] of Object.entries(files)) write(name, content)
  return {
    dir,
    write,
    read: (name) => readFileSync(join(dir, name), 'utf8'),
    tree: () => readTree(dir),
    inject: (args, env = {}) =>
      pinyon(['inject', ...args], { cwd: dir, env: { CI_MIRRORS_URL: undefined, ...env } }),
  }
}

function readTree(dir: string): Readonly<Record<string, string>> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).toSorted()
  return Object.fromEntries(paths.map((path) => [path.slice(dir.length + 1), readFileSync(path, 'utf8')]))
}
