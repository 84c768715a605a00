/** A process that makes claims as its standard input says: `node claims-child.ts DIRECTORY`. Answers each line with one line. */
import { createInterface } from 'node:readline'

import { Claims, type Claim } from '../../src/system/claims.ts'

const claims = new Claims(process.argv[2] ?? '')
const held = new Map<string, Claim>()
process.stdout.write(`${claims.processId}\n`)

for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', name = '', detail = ''] = line.split(' ')
  process.stdout.write(`${answer(command, name, detail)}\n`)
}
claims.close()

function answer(command: string, name: string, detail: string): string {
  if (command === 'alive') return String(claims.isAlive(name))
  if (command === 'find') return JSON.stringify(claims.find(name) ?? null)
  if (command === 'note') held.get(name)?.note(detail)
  if (command === 'release') held.get(name)?.release()
  if (command !== 'claim') return 'done'
  const claim = claims.tryClaim(name)
  if (claim !== undefined) held.set(name, claim)
  return String(claim !== undefined)
}
