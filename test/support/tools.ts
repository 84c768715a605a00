import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface DebianPackage {
  readonly package: string
  /** Commands it brings, looked up on PATH. */
  readonly commands?: readonly string[]
  /** The Python module it brings, for packages without a command. */
  readonly module?: string
}

const DEBIAN_PACKAGES = JSON.parse(
  readFileSync(new URL('debian-packages.json', import.meta.url), 'utf8'),
) as readonly DebianPackage[]

/** Debian puts servers here, which an ordinary user's PATH leaves out. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin']

/** The user and group of nobody. */
const NOBODY = 65_534

const DEBIAN_PYTHON = '/usr/bin/python3'

/** The Python that sees Debian's python3-* packages; another one may come first on PATH. */
export const SYSTEM_PYTHON = existsSync(DEBIAN_PYTHON) ? DEBIAN_PYTHON : 'python3'

/** Absolute path of a command, or undefined when it is not installed. */
export function findTool(command: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_DIRECTORIES]
  return directories
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, command))
    .find(isExecutable)
}

/**
 * Whether every one of these is there: a command (`dnf`), one of the Debian packages listed in debian-packages.json
 * (`python3-requests`), `root`, the right to install into an empty root, or `nobody`, the right to run this project as that user, who may not
 * even reach it.
 */
export function hasTools(...names: readonly string[]): boolean {
  return names.every(hasTool)
}

/** Options of node:test for a case that needs tools: `test('…', needs('dnf', 'createrepo_c'), (t) => …)`. */
export function needs(...names: readonly string[]): { skip: false | string } {
  const missing = names.find((name) => !hasTool(name))
  if (missing === undefined) return { skip: false }
  const debian = DEBIAN_PACKAGES.find((entry) => isFoundIn(entry, missing))
  return {
    skip: debian === undefined ? `needs ${missing}` : `needs ${missing} (Debian package ${debian.package})`,
  }
}

function hasTool(name: string): boolean {
  if (name === 'root') return process.getuid?.() === 0
  if (name === 'nobody') return process.getuid?.() === 0 && canNobodyRun()
  const debian = DEBIAN_PACKAGES.find((entry) => entry.package === name)
  if (debian?.module !== undefined) return hasModule(debian.module)
  return findTool(debian?.commands?.[0] ?? name) !== undefined
}

function canNobodyRun(): boolean {
  const probe = 'for (const path of process.argv.slice(1)) require("node:fs").accessSync(path)'
  const paths = [fileURLToPath(new URL('../../src/main.ts', import.meta.url)), tmpdir()]
  const options = { uid: NOBODY, gid: NOBODY, cwd: '/' }
  return spawnSync(process.execPath, ['-e', probe, ...paths], options).status === 0
}

function isFoundIn(entry: DebianPackage, name: string): boolean {
  return entry.package === name || entry.commands?.includes(name) === true
}

function hasModule(module: string): boolean {
  const probe = 'import sys, importlib.util; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)'
  return spawnSync(SYSTEM_PYTHON, ['-c', probe, module]).status === 0
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
