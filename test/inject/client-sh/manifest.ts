import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'

import { findTool } from '../../support/tools.ts'

/** The journal's own place, and the directory that it comes into. */
const JOURNAL = 'var/lib'

/** How exactly to look. */
export interface ManifestOptions {
  /** Inodes and numbers of links as well; true unless told. */
  readonly inodes?: boolean
  /** Times of directories to the second only, as busybox's touch sets them. */
  readonly coarse?: boolean
}

/**
 * All there is to know of a tree outside the journal, a line for each path: kind, mode, owner, time in nanoseconds, inode, links, bytes,
 * extended attributes.
 */
export function manifest(root: string, options: ManifestOptions = {}): string[] {
  const attributes = readAttributes(root)
  const lines: string[] = []
  const visit = (path: string) => {
    const name = relative(root, path)
    if (name === JOURNAL) return
    const stat = lstatSync(path, { bigint: true })
    const content = stat.isSymbolicLink()
      ? `-> ${readlinkSync(path)}`
      : stat.isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : 'directory'
    const coarse = options.coarse === true && stat.isDirectory()
    const time = name === 'var' ? '' : String(coarse ? stat.mtimeNs / 1_000_000_000n : stat.mtimeNs)
    const inode = options.inodes === false ? '' : `${stat.ino} ${stat.isDirectory() ? '' : stat.nlink}`
    lines.push(
      [
        name,
        stat.mode.toString(8),
        stat.uid,
        stat.gid,
        time,
        inode,
        content,
        attributes.get(path) ?? '',
      ].join('|'),
    )
    if (stat.isDirectory()) for (const child of readdirSync(path).toSorted()) visit(join(path, child))
  }
  visit(root)
  return lines
}

/** Extended attributes by path, where there is a tool that tells them. */
function readAttributes(root: string): ReadonlyMap<string, string> {
  const tool = findTool('getfattr')
  if (tool === undefined) return new Map()
  const args = ['--recursive', '--physical', '--dump', '--match=-', '--absolute-names', root]
  const { stdout } = spawnSync(tool, args, { encoding: 'utf8' })
  const blocks = stdout.split('\n\n').filter((block) => block.startsWith('# file: '))
  return new Map(
    blocks.map((block) => {
      const [first = '', ...rest] = block.split('\n')
      return [first.slice('# file: '.length), rest.join(' ')]
    }),
  )
}
