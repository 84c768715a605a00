import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { Spool } from '../../src/system/spool.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { tempDir } from '../support/temp-dir.ts'

test('a spool gives back what was written, and leaves no name behind', async (t) => {
  const dir = tempDir(t)
  const spool = await Spool.open(join(dir, 'spool'))
  assert.deepEqual(readdirSync(dir), [])
  const bytes = seededBytes('spool', 700_000)
  for (let at = 0; at < bytes.length; at += 130_000) await spool.write(bytes.subarray(at, at + 130_000))
  for (let reading = 0; reading < 2; reading += 1) {
    const pieces: Buffer[] = []
    for await (const piece of spool.read()) pieces.push(piece)
    assert.ok(Buffer.concat(pieces).equals(bytes))
  }
  await spool.close()
})

test('what the disk refuses is told as that', async (t) => {
  const dir = tempDir(t)
  await assert.rejects(Spool.open(join(dir, 'not', 'there')), { code: 'STORE_FAILED' })
  await assert.rejects(Spool.open(dir), { code: 'STORE_FAILED', message: /^opening a temporary file: / })
})
