import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs'
import { join, matchesGlob, resolve } from 'node:path'

import { mustRun } from '../support/run-command.ts'
import { parseExec, type Instruction, type Stage } from './dockerfile.ts'

const ROOT = new URL('../../', import.meta.url).pathname
/** The user that stands for the image's `node`. */
const NOBODY = 65_534

/** What an engine would start. */
export interface Image {
  readonly root: string
  readonly workdir: string
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
  readonly stopSignal: string
  readonly user: string
  readonly volume: string
}

/**
 * Does what an image's instructions say, below a directory that stands for `/`: no engine, no network, and the machine's own Node in place of the
 * base image's. What `npm ci` installs is copied from this checkout; all of it is linked.
 */
export async function buildImage(stages: readonly Stage[], roots: readonly string[]): Promise<Image> {
  const built = new Map<string, string>()
  let image: Image | undefined
  for (const [index, stage] of stages.entries()) {
    const root = roots[index] ?? ''
    image = await buildStage(stage, root, built)
    built.set(stage.name, root)
  }
  assert.ok(image !== undefined)
  return image
}

async function buildStage(stage: Stage, root: string, built: ReadonlyMap<string, string>): Promise<Image> {
  const env: Record<string, string> = {}
  const said: Record<string, string> = {}
  let workdir = '/'
  for (const { word, flags, rest } of stage.instructions) {
    if (word === 'WORKDIR') {
      workdir = rest
      mkdirSync(join(root, workdir), { recursive: true })
    } else if (word === 'ENV') {
      for (const pair of rest.split(' ')) {
        const [name = '', value = ''] = pair.split('=')
        env[name] = value.startsWith('/') ? join(root, value) : value
      }
    } else if (word === 'COPY') copy({ word, flags, rest }, join(root, workdir), built)
    else if (word === 'RUN') await run(rest, { root, workdir, env })
    else said[word] = rest
  }
  const entrypoint = parseExec(said['ENTRYPOINT'] ?? '[]') ?? []
  return {
    root,
    workdir: join(root, workdir),
    env,
    command: [...entrypoint, ...(parseExec(said['CMD'] ?? '[]') ?? [])],
    healthcheck: parseExec(said['HEALTHCHECK'] ?? '[]') ?? [],
    stopSignal: said['STOPSIGNAL'] ?? 'SIGTERM',
    user: said['USER'] ?? 'root',
    volume: join(root, said['VOLUME'] ?? ''),
  }
}

function copy({ flags, rest }: Instruction, workdir: string, built: ReadonlyMap<string, string>): void {
  const from = /^--from=(.*)$/.exec(flags[0] ?? '')?.[1]
  const words = rest.split(' ')
  const [sources, target = ''] = [words.slice(0, -1), words.at(-1)]
  for (const source of sources) {
    if (from === undefined) assert.ok(isInContext(source), `.dockerignore leaves out ${source}`)
    const path = from === undefined ? join(ROOT, source) : join(built.get(from) ?? '', source)
    const place = target.endsWith('/') ? join(workdir, target, source) : resolve(workdir, target)
    cpSync(path, place, { recursive: true })
  }
}

/** The last pattern that fits decides, as for an engine. */
function isInContext(path: string): boolean {
  const patterns = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return patterns.reduce((isIn, pattern) => {
    const bare = pattern.replace(/^!/, '')
    return matchesGlob(path, bare) ? pattern.startsWith('!') : isIn
  }, true)
}

const INSTALL = 'npm ci --ignore-scripts --omit=dev --omit=optional'
const INSTALL_ALL = 'npm ci --ignore-scripts'

async function run(
  command: string,
  { root, workdir, env }: { root: string; workdir: string; env: Readonly<Record<string, string>> },
): Promise<void> {
  if (command === INSTALL) return installProduction(join(root, workdir))
  if (command === INSTALL_ALL)
    return symlinkSync(join(ROOT, 'node_modules'), join(root, workdir, 'node_modules'))
  const owned = /^install -d -o node -g node (\/\S+)$/.exec(command)?.[1]
  if (owned !== undefined) {
    mkdirSync(join(root, owned))
    return chownSync(join(root, owned), NOBODY, NOBODY)
  }
  await mustRun('sh', ['-c', command], { cwd: join(root, workdir), env })
}

interface LockedPackage {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/** What npm would install, from this checkout. */
function installProduction(workdir: string): void {
  const lock = readFileSync(join(workdir, 'package-lock.json'), 'utf8')
  const { packages } = JSON.parse(lock) as { packages: Record<string, LockedPackage> }
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (path === '' || dev === true || optional === true || devOptional === true) continue
    const place = join(workdir, path)
    if (!existsSync(place)) cpSync(join(ROOT, path), place, { recursive: true, dereference: true })
  }
}

/** Nobody may write below a directory from now on, and everybody read, but for one directory in it. */
export function makeReadOnly(dir: string, but: string): void {
  if (dir === but) return
  chmodSync(dir, 0o555)
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) makeReadOnly(path, but)
    else if (entry.isFile()) chmodSync(path, 0o444)
  }
}
