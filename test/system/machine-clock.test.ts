import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { openMachineClock } from '../../src/system/machine-clock.ts'
import { runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const MODULE = new URL('../../src/system/machine-clock.ts', import.meta.url).href
const BOOT_ID = '/proc/sys/kernel/random/boot_id'
const PRINT = `import { openMachineClock } from '${MODULE}'; console.log(JSON.stringify(openMachineClock()()))`

describe("the machine's clocks", () => {
  test('are one for all processes of a boot', { skip: !existsSync(BOOT_ID) }, async () => {
    const clock = openMachineClock()
    const before = clock()
    const { stdout } = await runCommand(process.execPath, ['--input-type=module', '--eval', PRINT])
    const other = JSON.parse(stdout) as typeof before
    const after = clock()
    assert.equal(other.bootId, before.bootId)
    assert.ok(before.monotonicMs < other.monotonicMs && other.monotonicMs < after.monotonicMs)
    assert.equal(other.uptimeMs, other.monotonicMs)
    assert.ok(Number.isInteger(other.monotonicMs))
  })

  test('are each process its own where boots have no name', (t) => {
    const nowhere = join(tempDir(t), 'none')
    const [one, other] = [openMachineClock(() => 5, nowhere), openMachineClock(() => 6, nowhere)]
    assert.notEqual(one().bootId, other().bootId)
    assert.equal(one().bootId, one().bootId)
    assert.deepEqual([one().uptimeMs, one().wallMs, other().wallMs], [0, 5, 6])
    assert.ok(Number.isInteger(one().monotonicMs))
  })
})
