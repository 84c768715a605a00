import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { editRepomd, openMirror, readRepodata } from './mirror-under-test.ts'

const OPEN_CHECKSUM = /<open-checksum type="sha256">[0-9a-f]{64}/g
const WRONG = `<open-checksum type="sha256">${'0'.repeat(64)}`

/** As a generator without sizes would write it that puts the same open-checksum into each generation. */
function restate(text: string): string {
  return text.replaceAll(OPEN_CHECKSUM, WRONG).replaceAll(/<open-size>.*/g, '')
}

describe('what is new is published though its open-checksum is that of before', () => {
  for (const [name, isFlagged] of [
    ['which was wrong then', true],
    ['and right then, but its open-size is not', false],
  ] as const) {
    test(name, async (t) => {
      const dir = tempDir(t)
      writeSyntheticRepository(dir, { packages: [{ name: 'a' }, { name: 'b' }] })
      const before = readFileSync(join(dir, 'repodata/repomd.xml'), 'utf8').match(OPEN_CHECKSUM) ?? []
      if (isFlagged) editRepomd(dir, restate)
      const upstream = await startUpstream(t, dir)
      const mirror = openMirror(t, { baseurls: [upstream.url] })
      const first = await mirror.publish()
      writeSyntheticRepository(dir, { packages: [{ name: 'c' }], revision: 1_600_000_000 })
      let next = 0
      const keep = (text: string) => text.replaceAll(OPEN_CHECKSUM, () => before[next++] ?? '')
      editRepomd(dir, isFlagged ? restate : keep)
      const second = await mirror.publish()
      assert.deepEqual([first.packageCount, second.packageCount], [2, 1])
      assert.deepEqual(await mirror.repodata(second), readRepodata(dir))
      assert.ok((await mirror.defects(second)).some((one) => one.startsWith('open-checksum')))
      await mirror.expectUnchanged()
      editRepomd(dir, (text) => text.replace('<revision>1600000000<', '<revision>1600000001<'))
      await mirror.expectUnchanged()
    })
  }
})
