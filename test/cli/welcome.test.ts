import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { formatWelcome } from '../../src/cli/welcome.ts'
import { loadConfig } from '../../src/config/load.ts'
import { tempDir } from '../support/temp-dir.ts'

test('who has started it is shown the commands as they are where it was started', (t) => {
  const file = join(tempDir(t), 'pinyon.yaml')
  writeFileSync(file, 'listen: 127.0.0.1:0\nmirrors: { m: { baseurl: http://upstream.example/ } }\n')
  const config = loadConfig(file, {})
  const inCheckout = formatWelcome(config, 8080, '/home/user/pinyon/src/main.ts')
  assert.match(inCheckout, /its state {5}npm run -s pinyon -- status\n/)
  assert.match(inCheckout, /; npm run -s pinyon -- check-config says the same/)
  for (const program of ['/usr/lib/pinyon/dist/main.js', '/usr/bin/pinyon', '']) {
    const text = formatWelcome(config, 8080, program)
    assert.match(text, /its state {5}pinyon status\n/)
    assert.match(text, /; pinyon check-config says the same/)
    assert.doesNotMatch(text, /npm/)
  }
})
