import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The inventory beside the database `file`: what it takes to make it anew, in lines that each carry their checksum (`sealed-lines.ts`).
 *
 *     inventory.v1/
 *     ├── generations.jsonl    which database this is of, then each generation with what it changed; grows at its end
 *     ├── mirrors/NAME.jsonl   a mirror, then its snapshots with their files and defects, the retired ones included
 *     └── views.jsonl          the farm's clock, and each view as it changed; made anew when it has grown
 */
export function inventoryBeside(file: string): string {
  return join(dirname(file), 'inventory.v1')
}

/** Where the generations are. Made last, so that an inventory that has it is whole. */
export function generationsFile(inventory: string): string {
  return join(inventory, 'generations.jsonl')
}

/** Where the views are. */
export function viewsFile(inventory: string): string {
  return join(inventory, 'views.jsonl')
}

/** Where mirrors are, a file each. */
export function mirrorsDirectory(inventory: string): string {
  return join(inventory, 'mirrors')
}

/** Where a mirror is: its name can be a file's. */
export function mirrorFile(inventory: string, mirror: string): string {
  return join(mirrorsDirectory(inventory), `${mirror}.jsonl`)
}

/** Whether there is an inventory, or part of one. Of what never held anything there is none. */
export function hasInventory(inventory: string): boolean {
  return existsSync(generationsFile(inventory)) || existsSync(mirrorsDirectory(inventory))
}
