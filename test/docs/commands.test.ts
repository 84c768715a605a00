import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { needs } from '../support/tools.ts'
import { documents, readBlocks } from './blocks.ts'
import { startSandbox } from './sandbox.ts'

/** As the document passes it to the build. */
const BUILD_INDEX = 'http://mirrors.example.org/repos/views/build-17/all_latest.json'

/** What the instructions of a Dockerfile run, each in a shell of its own; arguments of the build are told elsewhere in the document. */
function toShell(dockerfile: string): string {
  const lines = dockerfile.replaceAll(/\\\n\s*/g, '').split('\n')
  return lines
    .filter((line) => line.startsWith('RUN '))
    .map((line) => `(export CI_MIRRORS_URL=${BUILD_INDEX}; ${line.slice('RUN '.length)})`)
    .join('\n')
}

describe(
  'the commands of documents',
  needs('createrepo_c', 'rpmbuild', 'dnf', 'curl', 'openssl', 'root'),
  () => {
    test('do what they are for', async (t) => {
      const sandbox = await startSandbox(t)
      for (const document of documents()) {
        const blocks = readBlocks(document).filter(
          ({ language, notRun }) => ['sh', 'dockerfile'].includes(language) && notRun === undefined,
        )
        if (blocks.length === 0) continue
        const texts = blocks.map(({ language, text }) => (language === 'dockerfile' ? toShell(text) : text))
        await t.test(document, async () => {
          await sandbox.reset()
          const { code, stdout, stderr } = await sandbox.run(texts.join('\n'))
          assert.equal(code, 0, `${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`)
        })
      }
    })
  },
)
