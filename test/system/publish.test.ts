import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { makeDurableDirectory, publishFile, removeFile, syncDirectory } from '../../src/system/publish.ts'
import { tempDir } from '../support/temp-dir.ts'

describe('publishing', () => {
  test('moves a file over the one that was there', async (t) => {
    const dir = tempDir(t)
    writeFileSync(join(dir, 'temporary'), 'new')
    writeFileSync(join(dir, 'target'), 'old')
    await publishFile(join(dir, 'temporary'), join(dir, 'target'))
    assert.equal(readFileSync(join(dir, 'target'), 'utf8'), 'new')
    assert.equal(existsSync(join(dir, 'temporary')), false)
  })

  test('fails without a file to publish, or a directory to publish to', async (t) => {
    const dir = tempDir(t)
    await assert.rejects(publishFile(join(dir, 'absent'), join(dir, 'target')), { code: 'ENOENT' })
    await assert.rejects(syncDirectory(join(dir, 'absent')), { code: 'ENOENT' })
  })

  test('makes directories, also those that are there, and removes files, also those that are not', async (t) => {
    const dir = join(tempDir(t), 'a/b/c')
    await makeDurableDirectory(dir)
    await makeDurableDirectory(dir)
    writeFileSync(join(dir, 'file'), '')
    await removeFile(join(dir, 'file'))
    await removeFile(join(dir, 'file'))
    assert.equal(existsSync(join(dir, 'file')), false)
  })
})
