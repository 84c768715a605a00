import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { formatWelcome } from '../../src/cli/welcome.ts'
import { loadConfig } from '../../src/config/load.ts'
import { tempDir } from '../support/temp-dir.ts'

const LISTENING = { host: '127.0.0.1', port: 8080 }

test('who has started it is shown the commands as they are where it was started', (t) => {
  const file = join(tempDir(t), 'pinyon.yaml')
  writeFileSync(file, 'listen: 127.0.0.1:0\nmirrors: { m: { baseurl: http://upstream.example/ } }\n')
  const config = loadConfig(file, {})
  const inCheckout = formatWelcome(config, LISTENING, '/home/user/pinyon/src/main.ts')
  assert.match(inCheckout, /its state {5}npm run -s pinyon -- status\n/)
  assert.match(inCheckout, /; npm run -s pinyon -- check-config says the same/)
  for (const program of ['/usr/lib/pinyon/dist/main.js', '/usr/bin/pinyon', '']) {
    const text = formatWelcome(config, LISTENING, program)
    assert.match(text, /its state {5}pinyon status\n/)
    assert.match(text, /; pinyon check-config says the same/)
    assert.doesNotMatch(text, /npm/)
  }
})

test('where it listens is what counts, not what is configured', (t) => {
  const file = join(tempDir(t), 'pinyon.yaml')
  writeFileSync(file, 'listen: 127.0.0.1:8080\nmirrors: { m: { baseurl: http://upstream.example/ } }\n')
  const config = loadConfig(file, {})
  assert.match(formatWelcome(config, { host: '::1', port: 81 }), / on http:\/\/\[::1\]:81\n/)
  const open = formatWelcome(config, { host: '::', port: 81 })
  assert.match(open, / on http:\/\/127\.0\.0\.1:81\n/)
  assert.doesNotMatch(open, /Only this machine/)
  assert.match(formatWelcome(config, undefined), /^pinyon \S+ serves 1 mirror of \S+ on a Unix socket\n$/)
})
