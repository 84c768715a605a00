import assert from 'node:assert/strict'
import { test } from 'node:test'

import { importSections } from '../../src/cli/import-sections.ts'
import { formatImport } from '../../src/cli/import-text.ts'
import { parseConfig } from '../../src/config/load.ts'
import { parseYumConfig } from '../../src/inject/yum-config.ts'

test('ids that YAML could read as something else are keys', () => {
  const ids = ['---', '...', '---a', '...a', '-', '~', 'null', '7', '0x1F', '.inf', '@a', 'true']
  const text = ids.map((id) => `[${id}]\nbaseurl=http://h/\nusername=...\n`).join('')
  const imported = importSections(
    [{ label: 'x.repo', ...parseYumConfig(Buffer.from(text)) }],
    new Map<string, string>(),
  )
  const config = parseConfig('x.yaml', formatImport(['x.repo'], imported), {})
  assert.deepEqual([...config.mirrors.keys()].toSorted(), ids.toSorted())
})
