import { existsSync, readFileSync } from 'node:fs'

import type Database from 'better-sqlite3'

import { appendDurably, makeDurableDirectory, moveFile, writeDurably } from '../../system/publish.ts'
import { generationsFile, mirrorFile, mirrorsDirectory, viewsFile } from './inventory-files.ts'
import { isRow, type InventoryHead } from './inventory-format.ts'
import { EVERYTHING, type StaleParts } from './inventory-state.ts'
import { readHead, writeGenerationsText, writeMirrorText } from './inventory-text.ts'
import { readTail } from './inventory-tail.ts'
import { openLine, openLines, sealLine } from './sealed-lines.ts'
import { prepareInventory, type InventoryStatements } from './sql-inventory.ts'
import { updateViews } from './view-lines.ts'

/** What is brought up to date. */
export interface InventoryTarget {
  readonly database: Database.Database
  /** Of the inventory; made when missing. */
  readonly directory: string
  /** Milliseconds since the epoch. */
  readonly nowMs: number
}

/** What an update did beside its work. */
export interface InventoryUpdate {
  /** Where an inventory of another database, or of a later state of this one, was put. */
  readonly setAside: string | undefined
}

/**
 * Brings parts of the inventory up to date with the database; whoever calls it is the only one who does. Files are replaced whole or
 * grow at their ends, and are fsynced. An inventory that tells of another database, or of more than this one, is nothing to be
 * overwritten: it may be all that is left of that. It blocks its thread.
 */
export async function writeInventory(target: InventoryTarget, parts: StaleParts): Promise<InventoryUpdate> {
  const { database, directory } = target
  const statements = prepareInventory(database)
  if (statements.anything.get() === undefined) return { setAside: undefined }
  const setAside = setAsideAnother(target, statements, parts)
  const stale = setAside === undefined ? parts : EVERYTHING
  await makeDurableDirectory(mirrorsDirectory(directory))
  for (const { name } of statements.mirrorNames.all() as { name: string }[]) {
    if (stale.mirrors?.includes(name) === false) continue
    await replaceChanged(mirrorFile(directory, name), writeMirrorText(database, statements, name))
  }
  if (stale.views) await updateViews(viewsFile(directory), statements)
  if (stale.generations) await updateGenerations(target, statements, stale.mirrors === undefined)
  return { setAside }
}

function setAsideAnother(
  { directory, nowMs }: InventoryTarget,
  statements: InventoryStatements,
  parts: StaleParts,
): string | undefined {
  // Without its generations: a first update that did not come to its end.
  if (!existsSync(generationsFile(directory)) || isOfThis(directory, statements, parts)) return undefined
  const aside = `${directory}.${new Date(nowMs).toISOString().replace(/[:.]/g, '-')}`
  moveFile(directory, aside)
  return aside
}

/** Whether an inventory tells of this database, and of nothing that this has not: neither generations nor snapshots ever lose their rows. */
function isOfThis(directory: string, statements: InventoryStatements, { mirrors }: StaleParts): boolean {
  const file = generationsFile(directory)
  const last = (statements.lastGeneration.get() as { number: number }).number
  if (readHeadOf(file)?.database !== readHead(statements).database) return false
  if ((readTail(file)?.number ?? 0) > last) return false
  const counts = statements.snapshotCounts.all() as { name: string; count: number }[]
  const isLess = ({ name, count }: (typeof counts)[number]) =>
    countSnapshots(mirrorFile(directory, name)) > count
  // Of a mirror that is not to be written nothing can be overwritten.
  return !counts.some((one) => mirrors?.includes(one.name) !== false && isLess(one))
}

function countSnapshots(file: string): number {
  if (!existsSync(file)) return 0
  // The mirror has a line of its own.
  return openLines(readFileSync(file, 'utf8')).values.length - 1
}

function readHeadOf(file: string): InventoryHead | undefined {
  const [line = ''] = readFileSync(file, 'utf8').split('\n', 1)
  const head = openLine(line)
  return isRow(head, { format: 'number', database: 'string' })
    ? (head as unknown as InventoryHead)
    : undefined
}

/** Appends what is missing; a file of which anything is wrong is made anew. */
async function updateGenerations(
  { database, directory }: InventoryTarget,
  statements: InventoryStatements,
  compare: boolean,
): Promise<void> {
  const file = generationsFile(directory)
  const read = (after: number) => database.transaction(() => writeGenerationsText(statements, after))()
  const head = sealLine(readHead(statements))
  if (compare || !existsSync(file)) return await replaceChanged(file, head + read(0))
  const tail = readTail(file)
  if (tail === undefined) await replaceChanged(file, head + read(0))
  else await appendDurably(file, read(tail.number), tail.end)
}

async function replaceChanged(file: string, text: string): Promise<void> {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  await writeDurably(file, text)
}
