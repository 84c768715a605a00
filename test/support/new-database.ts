import { existsSync, writeFileSync } from 'node:fs'

import { openDatabase } from '../../src/snapshot/database.ts'

/** Bringing an empty file to the newest schema takes ten milliseconds, most of what opening a store does. */
const NEW_DATABASE = serializeNew()

/** Makes a database that holds nothing, in the newest schema, as opening one where there is none does. */
export function placeNewDatabase(file: string): void {
  if (!existsSync(file)) writeFileSync(file, NEW_DATABASE)
}

function serializeNew(): Buffer {
  const database = openDatabase(':memory:', { fresh: true })
  try {
    return database.serialize()
  } finally {
    database.close()
  }
}
