import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { findDataDir } from '../../src/config/data-dir.ts'
import { tempDir } from '../support/temp-dir.ts'

test('where the data lie is found in files that are wrong elsewhere, and not guessed', (t) => {
  const dir = tempDir(t)
  const file = join(dir, 'pinyon.yaml')
  const find = (text: string | Uint8Array) => {
    writeFileSync(file, text)
    return findDataDir(file, { DISK: '/srv' })
  }
  assert.equal(find('data_dir: /srv/x\nlisten: nowhere\n'), '/srv/x')
  assert.equal(find('data_dir: ${DISK}/x\nmirrors:\n\tm: y\n'), '/srv/x')
  assert.equal(find('data_dir: x\nmirrors:\n  m:\n'), join(dir, 'x'))
  assert.equal(find('listen: nowhere\n'), join(dir, 'data'))
  for (const text of [
    '',
    '- a\n',
    'data_dir: 7\n',
    'data_dir: ${NONE}\n',
    'data_dir: "a\\nb"\n',
    Buffer.of(255),
  ])
    assert.equal(find(text), undefined, JSON.stringify(text))
  assert.equal(findDataDir(join(dir, 'none.yaml'), {}), undefined)
})
