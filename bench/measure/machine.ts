import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

import { findTool } from '../../test/support/tools.ts'

/** On what figures were measured. */
export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memoryGiB: number
  readonly kernel: string
}

/** How each program is asked for its version. */
const PROGRAMS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['nginx', 'nginx', '-v'],
  ['varnish', 'varnishd', '-V'],
  ['squid', 'squid', '-v'],
  ['trafficserver', 'traffic_server', '-V'],
  ['wrk', 'wrk', '-v'],
  ['dnf', 'dnf', '--version'],
  ['createrepo_c', 'createrepo_c', '--version'],
]

/** Looks at this machine. */
export function readMachine(): Machine {
  const all = cpus()
  return {
    cores: all.length,
    processor: all[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  }
}

/** Versions of all programs that are there, by name. */
export function readVersions(): Record<string, string> {
  const found = PROGRAMS.flatMap(([name, command, ...args]) => {
    const path = findTool(command)
    if (path === undefined) return []
    const { stdout, stderr } = spawnSync(path, args, { encoding: 'utf8' })
    return [[name, parseVersion(`${stdout}${stderr}`)] as const]
  })
  return { node: process.version.slice(1), ...Object.fromEntries(found) }
}

/** The first thing in a program's answer that looks like a version. */
export function parseVersion(text: string): string {
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? 'unknown'
}

/** The checked out commit, with a `+` when files differ from it. */
export function readCommit(root: string): string {
  const git = (...args: string[]) => spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' })
  const { status, stdout } = git('rev-parse', '--short=10', 'HEAD')
  if (status !== 0) return 'unknown'
  const isChanged = git('status', '--porcelain', '--untracked-files=no').stdout !== ''
  return `${stdout.trim()}${isChanged ? '+' : ''}`
}
