import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { needs } from '../support/tools.ts'
import { documents, readBlocks } from './blocks.ts'
import { startSandbox } from './sandbox.ts'

describe(
  'the commands of documents',
  needs('createrepo_c', 'rpmbuild', 'dnf', 'curl', 'openssl', 'root'),
  () => {
    test('do what they are for', async (t) => {
      const sandbox = await startSandbox(t)
      for (const document of documents()) {
        const blocks = readBlocks(document).filter(
          ({ language, notRun }) => language === 'sh' && notRun === undefined,
        )
        if (blocks.length === 0) continue
        await t.test(document, async () => {
          await sandbox.reset()
          const { code, stdout, stderr } = await sandbox.run(blocks.map(({ text }) => text).join('\n'))
          assert.equal(code, 0, `${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`)
        })
      }
    })
  },
)
