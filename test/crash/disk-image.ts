import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

import type { DiskCall } from '../support/disk-journal.ts'
import type { Random } from '../support/random.ts'
import { applyChanges, tear, type Change } from './torn-file.ts'

/**
 * What a disk has kept when the power comes back.
 *
 * - `kept`: everything, as when all processes are killed at once.
 * - `strict`: of files what an fsync of the file has covered, of names what an fsync of their directory has.
 * - `names`: every name, and of files what an fsync has covered: names may well be written before the bytes.
 * - `torn`: what was not fsynced is there or not, by chance: names up to one moment, of all directories or of each by itself; of a file's writes none,
 *   all, the first ones, or some, down to single sectors.
 */
export const POWER_LOSSES = ['kept', 'strict', 'names', 'torn'] as const
export type PowerLoss = (typeof POWER_LOSSES)[number]

interface FileNode {
  readonly kind: 'file'
  readonly initial: Buffer
  readonly changes: Change[]
  /** So many of its changes were fsynced. */
  synced: number
}

interface DirectoryNode {
  readonly kind: 'directory'
  readonly initial: Map<string, Node>
  /** As programs see it. */
  readonly live: Map<string, Node>
}

type Node = FileNode | DirectoryNode

/** One call that changes names: all of it is kept, or nothing. */
interface NameChange {
  readonly entries: readonly { readonly parent: DirectoryNode; readonly name: string; readonly node?: Node }[]
  /** Whose fsync makes it durable: of a move, where it leads to. */
  readonly home: DirectoryNode
  isSynced: boolean
}

/** Files with their bytes and directories by their relative paths, each directory before what is in it. */
export type DiskContent = ReadonlyMap<string, Buffer | undefined>

/** Writes files and directories into a new directory. */
export function writeContent(target: string, content: DiskContent): void {
  mkdirSync(target)
  for (const [path, bytes] of content)
    if (bytes === undefined) mkdirSync(join(target, path))
    else writeFileSync(join(target, path), bytes)
}

/** Reads what {@link writeContent} would write; sockets, and what SQLite shares through memory, are left out. */
export function readContent(directory: string): DiskContent {
  const content = new Map<string, Buffer | undefined>()
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) content.set(relative(directory, path), undefined)
    else if (entry.isFile() && !path.endsWith('-shm'))
      content.set(relative(directory, path), readFileSync(path))
  }
  return content
}

/** A directory as the calls of a journal leave it, and as it could be after a power cut. What is there at first is durable. */
export class DiskImage {
  readonly #path: string
  readonly #root: DirectoryNode
  readonly #inodes = new Map<number, Node>()
  readonly #names: NameChange[] = []
  /** Names up to here are kept by a file system that keeps them in order, as an fsync writes all before it. */
  #committed = 0

  constructor(path: string) {
    this.#path = path
    this.#root = this.#readDirectory(path)
  }

  /** Makes the change of a call, or makes changes durable. */
  apply(call: DiskCall): void {
    if (!call.done) return
    if (call.kind === 'write') this.#change(call, { at: call.at, data: call.data })
    else if (call.kind === 'truncate') this.#change(call, { length: call.at })
    else if (call.kind === 'fsync') this.#sync(this.#inodes.get(call.inode))
    else this.#rename(call)
  }

  /** What a power cut now would leave. */
  compose(loss: PowerLoss, random: Random): DiskContent {
    const kept = this.#chooseNames(loss, random)
    const entries = new Map<DirectoryNode, Map<string, Node>>()
    const entriesOf = (node: DirectoryNode) => {
      const found = entries.get(node) ?? new Map(node.initial)
      entries.set(node, found)
      return found
    }
    this.#names.forEach((change, index) => {
      if (!kept(change, index)) return
      for (const { parent, name, node } of change.entries)
        if (node === undefined) entriesOf(parent).delete(name)
        else entriesOf(parent).set(name, node)
    })
    const content = new Map<string, Buffer | undefined>()
    const list = (node: DirectoryNode, path: string) => {
      for (const [name, child] of entriesOf(node)) {
        content.set(path + name, child.kind === 'file' ? composeFile(child, loss, random) : undefined)
        if (child.kind === 'directory') list(child, `${path}${name}/`)
      }
    }
    list(this.#root, '')
    return content
  }

  #chooseNames(loss: PowerLoss, random: Random): (change: NameChange, index: number) => boolean {
    if (loss === 'kept' || loss === 'names') return () => true
    if (loss === 'strict') return ({ isSynced }) => isSynced
    const total = this.#names.length
    if (random.once(2)) {
      const end = this.#committed + random.below(total - this.#committed + 1)
      return (change, index) => change.isSynced || index < end
    }
    const ends = new Map<DirectoryNode, number>()
    return ({ isSynced, home }, index) => {
      const end = ends.get(home) ?? random.below(total + 1)
      ends.set(home, end)
      return isSynced || index < end
    }
  }

  #change(call: DiskCall, change: Change): void {
    const node = this.#inodes.get(call.inode)
    if (node?.kind === 'file') node.changes.push(change)
  }

  #sync(node: Node | undefined): void {
    this.#committed = this.#names.length
    if (node?.kind === 'file') node.synced = node.changes.length
    else for (const change of this.#names) if (change.home === node) change.isSynced = true
  }

  #rename({ kind, path, from, inode }: DiskCall): void {
    const home = this.#find(dirname(path))
    if (home?.kind !== 'directory') throw new Error(`a name in what is no directory: ${path}`)
    const name = path.slice(path.lastIndexOf('/') + 1)
    const gone = { parent: home, name }
    if (kind === 'unlink' || kind === 'rmdir') return this.#note(home, [gone])
    if (kind === 'create' || kind === 'mkdir') {
      const node = kind === 'create' ? createFile(Buffer.alloc(0)) : createDirectory()
      this.#inodes.set(inode, node)
      return this.#note(home, [{ ...gone, node }])
    }
    const [node, parent] = [this.#find(from), this.#find(dirname(from))]
    if (node === undefined || parent?.kind !== 'directory') throw new Error(`not known: ${from}`)
    const there = { ...gone, node }
    const here = { parent, name: from.slice(from.lastIndexOf('/') + 1) }
    this.#note(home, kind === 'link' ? [there] : [here, there])
  }

  #note(home: DirectoryNode, entries: NameChange['entries']): void {
    for (const { parent, name, node } of entries)
      if (node === undefined) parent.live.delete(name)
      else parent.live.set(name, node)
    this.#names.push({ home, entries, isSynced: false })
  }

  #find(path: string): Node | undefined {
    const names = relative(this.#path, path).split('/')
    return names.reduce<Node | undefined>((node, name) => {
      if (name === '' || node === undefined) return node
      return node.kind === 'directory' ? node.live.get(name) : undefined
    }, this.#root)
  }

  #readDirectory(path: string): DirectoryNode {
    const node = createDirectory()
    this.#inodes.set(lstatSync(path).ino, node)
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name)
      if (entry.isDirectory()) node.initial.set(entry.name, this.#readDirectory(child))
      if (!entry.isFile()) continue
      const file = createFile(readFileSync(child))
      this.#inodes.set(lstatSync(child).ino, file)
      node.initial.set(entry.name, file)
    }
    for (const [name, child] of node.initial) node.live.set(name, child)
    return node
  }
}

function createFile(initial: Buffer): FileNode {
  return { kind: 'file', initial, changes: [], synced: 0 }
}

function createDirectory(): DirectoryNode {
  return { kind: 'directory', initial: new Map(), live: new Map() }
}

function composeFile({ initial, changes, synced }: FileNode, loss: PowerLoss, random: Random): Buffer {
  if (loss === 'kept') return applyChanges(initial, changes)
  const unsynced = loss === 'torn' ? tear(changes.slice(synced), random) : []
  return applyChanges(initial, [...changes.slice(0, synced), ...unsynced])
}
