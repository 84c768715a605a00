import { readFile } from 'node:fs/promises'

const FILE = new URL('../inject/client.sh', import.meta.url)

/** The slave's script as it lies in the source tree. */
export async function readClientScript(): Promise<string> {
  return await readFile(FILE, 'utf8')
}
