import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { readRpm, renameRpm } from '../../../bench/measure/rpm-file.ts'
import { spreadNumbers } from '../../../bench/measure/rpm-repository.ts'
import { buildRpms } from '../../support/rpm.ts'
import { mustRun } from '../../support/run-command.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { needs } from '../../support/tools.ts'

test('a package under another name is one that rpm finds right', needs('rpmbuild', 'rpm'), async (t) => {
  const dir = tempDir(t)
  const [built = ''] = await buildRpms([{ name: 'bench-00000' }], dir)
  const template = readRpm(readFileSync(built), 'bench-00000')
  const file = join(dir, 'renamed.rpm')
  writeFileSync(file, renameRpm(template, 'bench-00042'))
  const { stdout } = await mustRun('rpm', ['--dbpath', join(dir, 'db'), '--checksig', '--verbose', file])
  assert.equal(stdout.match(/digest: OK/g)?.length, stdout.match(/digest: /g)?.length, stdout)
  const query = ['--dbpath', join(dir, 'db'), '--query', '--package', '--queryformat', '%{NAME} %{SOURCERPM}']
  assert.match((await mustRun('rpm', [...query, file])).stdout, /^bench-00042 /)
  assert.throws(() => renameRpm(template, 'bench-1'), /bench-1 is not as long as bench-00000/)
})

test('what is no package is refused', () => {
  assert.throws(
    () => readRpm(Buffer.from('<html></html>'), 'a.rpm'),
    /a\.rpm is no rpm: it begins with 3c68746d/,
  )
})

test('packages are from all over the repository, each once, and of all sizes', () => {
  const numbers = spreadNumbers(50, 2_000)
  assert.equal(new Set(numbers).size, 50)
  assert.ok(Math.max(...numbers) < 2_000 && Math.max(...numbers) > 1_900)
  assert.equal(new Set(numbers.map((number) => number % 5)).size, 5)
})
