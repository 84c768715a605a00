import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { MirrorView } from '../../src/proxy/api-mirrors.ts'
import { formatMetalink } from '../support/metalink.ts'
import { startServer } from '../support/start-server.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { pinyon } from './pinyon.ts'

function createText(entry: string): string {
  return `
listen: 127.0.0.1:0
data_dir: ./data
sync_interval: off
vars: { releasever: 9, basearch: x86_64 }
mirrors:
  m: { ${entry}, retries: 0 }
`
}

test('a metalink of a file, with variables, is followed, and status shows its mirrors in their order', async (t) => {
  const root = tempDir(t)
  const repository = join(root, '9/x86_64')
  writeSyntheticRepository(repository, { packages: [{ name: 'a' }] })
  const [well, wrong] = [await startUpstream(t, root), await startUpstream(t, root)]
  wrong.rules = [{ match: /./, status: 500 }]
  const dir = tempDir(t)
  mkdirSync(join(dir, 'lists'))
  const repomds = [{ bytes: readFileSync(join(repository, 'repodata/repomd.xml')) }]
  const urls = [wrong, well].map(({ url }) => `${url}$releasever/$basearch/repodata/repomd.xml`)
  const file = join(dir, 'lists/9.xml')
  writeFileSync(file, formatMetalink({ repomds, urls }))
  const server = await startServer(t, { dir, text: createText("metalink: 'file:lists/$releasever.xml'") })
  const run = async (...args: string[]) => {
    const { stdout } = await pinyon([...args, '--config', server.configFile])
    return stdout
  }
  assert.match(await run('sync', 'm'), /^m: published 2\d{3}-/)
  const status = await run('status')
  assert.match(
    status,
    new RegExp(`^m asks ${well.url}9/x86_64/ \\([\\d.]+ ms\\), then ${wrong.url}9/x86_64/`, 'm'),
  )
  const { mirrors } = JSON.parse(await run('status', '--json')) as { mirrors: MirrorView[] }
  const [first, second] = mirrors[0]?.sources ?? []
  assert.ok(first?.failure_share === 0 && (second?.failure_share ?? 0) > 0, JSON.stringify(mirrors))
  assert.equal(mirrors[0]?.list?.url, `file://${file}`)
  assert.match(
    await run('doctor'),
    new RegExp(`^ok {4}mirror m +${well.url}9/x86_64/ answers in \\d+ ms`, 'm'),
  )
  // Another list is taken up while the server runs; what is wrong with it is told, and the mirror stays as it is.
  writeFileSync(join(dir, 'lists/other.xml'), '<html>')
  writeFileSync(server.configFile, createText("mirrorlist: 'file:lists/other.xml'"))
  assert.match(
    await run('sync', 'm'),
    /^m: failed: the mirrorlist cannot be had: reading a mirrorlist: an HTML page or other XML of 6 bytes$/m,
  )
  assert.match(await run('status'), /^m knows no mirrors yet; the mirrorlist cannot be had: /m)
})
