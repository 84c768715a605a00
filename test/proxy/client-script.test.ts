import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'

import { formatClientScript } from '../../src/proxy/client-script.ts'
import { findTool } from '../support/tools.ts'

const SCRIPT =
  '#!/bin/sh\n# PINYON_SERVER=${PINYON_SERVER:-}\nPINYON_SERVER=${PINYON_SERVER:-}\nprintf %s "$PINYON_SERVER"\n'
const SHELLS = ['sh', 'dash', 'bash', 'busybox'].flatMap((name) => findTool(name) ?? [])

function run(shell: string, script: string, server: string | undefined): string {
  const args = shell.endsWith('busybox') ? ['sh', '-u', '-c', script] : ['-u', '-c', script]
  const env = { PATH: process.env['PATH'], ...(server === undefined ? {} : { PINYON_SERVER: server }) }
  const { stdout, stderr, status } = spawnSync(shell, args, {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  assert.deepEqual([status, stderr], [0, ''])
  return stdout
}

describe('the client script', () => {
  test('knows its server in every shell, whatever its URL holds, unless the environment says another', () => {
    // What the WHATWG URL parser leaves in a path as it is.
    const hostile = "https://h.example.org:8443/it's/$(id)/$HOME/&;()*!|~[a]%60\\^,=@:+"
    for (const base of ['http://[::1]:8080', hostile])
      for (const shell of SHELLS) {
        const script = formatClientScript(SCRIPT, base)
        assert.equal(run(shell, script, undefined), base.replaceAll("'", '%27'), shell)
        assert.equal(run(shell, script, ''), base.replaceAll("'", '%27'), shell)
        assert.equal(run(shell, script, 'http://other'), 'http://other', shell)
      }
  })

  test('is the same but for that line', () => {
    assert.equal(
      formatClientScript(SCRIPT, 'http://h/$&$1'),
      SCRIPT.replace(/^PINYON.*$/m, () => "PINYON_SERVER=${PINYON_SERVER:-'http://h/$&$1'}"),
    )
    assert.throws(
      () => formatClientScript('#!/bin/sh\nPINYON_SERVER=\n', 'http://h'),
      /no line for its server/,
    )
  })
})
