import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { SNAPSHOT_NAME } from '../../model/snapshot-name.ts'
import { generationsFile, hasInventory, mirrorsDirectory, viewsFile } from './inventory-files.ts'
import {
  isRow,
  type GenerationLine,
  type MirrorLine,
  type Row,
  type SnapshotLine,
} from './inventory-format.ts'
import { openLines } from './sealed-lines.ts'
import { readViews } from './view-lines.ts'

/** What an inventory says of a mirror. */
export interface MirrorInventory {
  /** Its row, as far as it is of no configuration. */
  readonly mirror: MirrorLine['mirror']
  /** In their order. */
  readonly snapshots: readonly SnapshotLine[]
}

/** What an inventory says, as far as it can be read. */
export interface Inventory {
  readonly mirrors: readonly MirrorInventory[]
  readonly generations: readonly GenerationLine[]
  readonly clock: Row | undefined
  readonly views: readonly Row[]
  /** Lines that are not what was written, as `mirrors/epel-el9.jsonl:7`. */
  readonly damaged: readonly string[]
}

const SUFFIX = '.jsonl'

/** Reads an inventory; undefined where there is none. Lines that are damaged are told of and left out. */
export function readInventory(directory: string): Inventory | undefined {
  if (!hasInventory(directory)) return undefined
  const reader = new Reader(directory)
  const generations = reader.lines('generations.jsonl', generationsFile(directory)).filter(isGeneration)
  const names = existsSync(mirrorsDirectory(directory)) ? readdirSync(mirrorsDirectory(directory)) : []
  const mirrors = names.filter((name) => name.endsWith(SUFFIX)).toSorted()
  const views = reader.views(viewsFile(directory))
  return {
    generations,
    mirrors: mirrors.map((name) => reader.mirror(name)),
    clock: views.clock,
    views: [...views.views.values()],
    damaged: reader.damaged,
  }
}

class Reader {
  readonly damaged: string[] = []
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  lines(name: string, path: string): unknown[] {
    if (!existsSync(path)) {
      this.damaged.push(`${name}: it is gone`)
      return []
    }
    const { values, damaged } = openLines(readFileSync(path, 'utf8'))
    this.damaged.push(...damaged.map((line) => `${name}:${line}`))
    return [...values]
  }

  mirror(file: string): MirrorInventory {
    const values = this.lines(`mirrors/${file}`, join(mirrorsDirectory(this.#directory), file))
    const name = file.slice(0, -SUFFIX.length)
    const head = values.find(isMirror)
    return { mirror: { ...head?.mirror, name }, snapshots: values.filter(isSnapshot) }
  }

  /** Its last line may have been torn off by a kill: that view was opened a moment before. */
  views(path: string): Pick<ReturnType<typeof readViews>, 'clock' | 'views'> {
    return readViews(existsSync(path) ? readFileSync(path, 'utf8') : '')
  }
}

function isMirror(value: unknown): value is MirrorLine {
  return isRow((value as Partial<MirrorLine> | null)?.mirror, { name: 'string' })
}

function isSnapshot(value: unknown): value is SnapshotLine {
  const { snapshot, belongings } = (value ?? {}) as Partial<SnapshotLine>
  const columns = { seq: 'number', name: 'string', created_at: 'number', retired_at: 'null' } as const
  return isRow(snapshot, columns) && SNAPSHOT_NAME.test(snapshot.name) && typeof belongings === 'object'
}

function isGeneration(value: unknown): value is GenerationLine {
  const columns = { number: 'number', created_at: 'number', cause: 'string', actor: 'string' } as const
  return isRow(value, columns) && Array.isArray((value as { changes?: unknown }).changes)
}
