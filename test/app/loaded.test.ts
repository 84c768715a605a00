import assert from 'node:assert/strict'
import { test } from 'node:test'

import { mustRun } from '../support/run-command.ts'

const APP = new URL('../../src/app/app.ts', import.meta.url).href
const CLI = new URL('../../src/cli/cli.ts', import.meta.url).href
const SYNC = new URL('../../src/cli/sync.ts', import.meta.url).href
const CONNECTION = new URL('../../src/cli/server-connection.ts', import.meta.url).href
const UNDICI = new URL('../../src/upstream/undici-parts.ts', import.meta.url).href

/**
 * What importing a module loads: Node's own modules, and the CommonJS ones of packages.
 * @param then what is done next
 */
async function loadedBy(url: string, then = ''): Promise<readonly string[]> {
  const script =
    "import { createRequire } from 'node:module'\n" +
    `const module = await import(${JSON.stringify(url)})\n${then}\n` +
    `const cached = Object.keys(createRequire(${JSON.stringify(url)}).cache)\n` +
    'console.log([...process.moduleLoadList, ...cached].join("\\n"))'
  const { stdout } = await mustRun(process.execPath, ['--input-type=module', '--eval', script])
  return stdout.split('\n')
}

test('a server loads nothing that is large and that it may never need', async () => {
  // As it does when it listens.
  const loaded = await loadedBy(APP, `;(await import(${JSON.stringify(UNDICI)})).loadUndici()`)
  const isLoaded = (part: string) => loaded.some((name) => name.includes(part))
  for (const part of ['undici/lib/dispatcher/agent.js', 'yaml/dist', 'better-sqlite3'])
    assert.ok(isLoaded(part), `what is loaded shows: ${part}`)
  // Node's own fetch, which an import of node:http brings; the rest of undici; what writes /metrics; what judges keys.
  const large = ['internal/deps/undici', 'undici/index.js', 'prom-client', 'openpgp']
  assert.deepEqual(large.filter(isLoaded), [])
})

test('a command line loads no configuration before a command is called', async () => {
  const loaded = await loadedBy(CLI)
  assert.deepEqual(
    loaded.filter((name) => /node_modules\/(?:undici|yaml|better-sqlite3)\//.test(name)),
    [],
  )
})

test('who asks nobody over HTTP does not load what does so', async () => {
  const nowhere = "await module.ServerConnection.open('/nowhere/admin.sock')"
  const all = await Promise.all([loadedBy(APP), loadedBy(SYNC), loadedBy(CONNECTION, nowhere)])
  for (const loaded of all)
    assert.deepEqual(
      loaded.filter((name) => name.includes('node_modules/undici/')),
      [],
    )
})
