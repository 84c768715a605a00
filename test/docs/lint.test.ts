import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'

import { loadConfig } from '../../src/config/load.ts'
import { mustRun } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { documents, readBlocks } from './blocks.ts'

const BLOCKS = documents().flatMap(readBlocks)
const LANGUAGES = ['sh', 'yaml', 'ini', 'nginx', 'dockerfile', 'text']

describe('blocks of documents', () => {
  test('say what they are', () => {
    for (const { document, line, language } of BLOCKS)
      assert.ok(LANGUAGES.includes(language), `${document}:${line}: "${language}"`)
  })

  test('that cannot be run are shell all the same', async () => {
    for (const { document, line, text } of BLOCKS.filter(({ notRun }) => notRun !== undefined))
      await assert.doesNotReject(mustRun('sh', ['-n'], { input: text }), `${document}:${line}`)
  })

  test('of configuration are accepted', async (t) => {
    const dir = tempDir(t)
    await mustRun('sh', ['-c', 'mkdir secrets && printf %032d 7 > secrets/ci-token'], { cwd: dir })
    const env = { PROXY_PASSWORD: 'x' }
    for (const [index, { document, line, text }] of BLOCKS.filter(
      ({ language }) => language === 'yaml',
    ).entries()) {
      const file = join(dir, `${index}.yaml`)
      writeFileSync(file, text)
      const { mirrors = {} } = parse(text) as { mirrors?: Record<string, Record<string, unknown>> }
      // The certificates are their owner's.
      const isReadable = !Object.values(mirrors).some((mirror) => 'sslclientcert' in mirror)
      if (isReadable) assert.doesNotThrow(() => loadConfig(file, env), `${document}:${line}`)
    }
  })
})
