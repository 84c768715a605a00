import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'

import { assertBytes } from '../contract/assert-bytes.ts'
import { COUNTS_FILES, waitForOpenFiles } from '../cache/open-files.ts'
import { mustRun } from '../support/run-command.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { openUpstream, readBody } from './open-upstream.ts'

const CONTENT = seededBytes('file', 300_000)

function openDirectory(t: TestContext) {
  const root = tempDir(t)
  return { root, ...openUpstream(t, [`${pathToFileURL(root).href}/`], { retries: 1 }) }
}

describe('a source in the file system', () => {
  test('gives a file, an empty one, and one behind a symbolic link', async (t) => {
    const { root, upstream } = openDirectory(t)
    writeFileSync(join(root, 'file'), CONTENT)
    writeFileSync(join(root, 'empty'), '')
    symlinkSync('file', join(root, 'link'))
    const sizes = ['file', 'empty', 'link'].map(
      async (name) => (await readBody(await upstream.get(name))).length,
    )
    assert.deepEqual(await Promise.all(sizes), [CONTENT.length, 0, CONTENT.length])
    const reply = await upstream.get('link')
    assert.deepEqual([reply.status, reply.baseurl], [200, upstream.baseurls[0]])
    assertBytes(await readBody(reply), CONTENT)
  })

  test('has no such file: absent, a directory, a dangling link, or below a file', async (t) => {
    const { root, upstream, pauses } = openDirectory(t)
    mkdirSync(join(root, 'dir'))
    writeFileSync(join(root, 'file'), '')
    symlinkSync('nowhere', join(root, 'dangling'))
    for (const name of ['absent', 'dir', 'dangling', 'file/below', 'absent/below'])
      await assert.rejects(upstream.get(name), { code: 'UPSTREAM_GONE' }, name)
    assert.deepEqual(pauses, [])
  })

  test('is in trouble with a link in a circle, a long name, or a NUL in it', async (t) => {
    const { root, upstream, pauses } = openDirectory(t)
    symlinkSync('circle', join(root, 'circle'))
    for (const name of ['circle', 'x'.repeat(300), 'a\0b'])
      await assert.rejects(upstream.get(name), { code: 'UPSTREAM_UNREACHABLE' })
    assert.deepEqual(pauses, [250, 250, 250])
  })

  test('never waits for a named pipe', needs('mkfifo'), async (t) => {
    const { root, upstream } = openDirectory(t)
    await mustRun('mkfifo', [join(root, 'pipe')])
    await assert.rejects(upstream.get('pipe'), { code: 'UPSTREAM_GONE' })
  })

  test('answers 304 until the file changes, in whatever way', async (t) => {
    const { root, upstream } = openDirectory(t)
    const path = join(root, 'file')
    const replace = () => {
      writeFileSync(join(root, 'next'), 'cccccc')
      utimesSync(join(root, 'next'), 1, 1)
      renameSync(join(root, 'next'), path)
    }
    const changes = [
      () => writeFileSync(path, 'aaaaa'),
      () => writeFileSync(path, 'bbbbbb'),
      () => utimesSync(path, 1, 1),
      // Same size and time, another file.
      replace,
    ]
    writeFileSync(path, 'first')
    for (const change of changes) {
      const before = await upstream.get('file')
      const validators = { ...before.validators, baseurl: before.baseurl }
      const same = await upstream.get('file', { validators })
      assert.deepEqual([same.status, (await readBody(same)).length], [304, 0])
      change()
      const after = await upstream.get('file', { validators })
      assert.equal(after.status, 200)
      assert.notEqual(after.validators.etag, before.validators.etag)
    }
  })

  test('tells of a file that goes while it is asked for, and stops when told', async (t) => {
    const { root, upstream } = openDirectory(t)
    const path = join(root, 'file')
    writeFileSync(path, CONTENT)
    const reply = await upstream.get('file')
    rmSync(path)
    await assert.rejects(readBody(reply), { code: 'UPSTREAM_GONE' })
    writeFileSync(path, CONTENT)
    const stop = new AbortController()
    const aborted = await upstream.get('file', { signal: stop.signal })
    const reason = new Error('stop')
    stop.abort(reason)
    await assert.rejects(readBody(aborted), reason)
  })

  test('keeps no file open', COUNTS_FILES, async (t) => {
    const { root, upstream } = openDirectory(t)
    writeFileSync(join(root, 'file'), CONTENT)
    for (let round = 0; round < 50; round += 1) {
      await readBody(await upstream.get('file'))
      for await (const chunk of (await upstream.get('file')).body) {
        assert.ok(chunk.length > 0)
        break
      }
      // Never begun.
      await upstream.get('file')
    }
    await waitForOpenFiles(root, 0)
  })

  test(
    'may refuse: that is not absence',
    { skip: process.getuid?.() === 0 ? 'root may read all' : false },
    async (t) => {
      const { root, upstream } = openDirectory(t)
      writeFileSync(join(root, 'file'), CONTENT)
      chmodSync(join(root, 'file'), 0)
      await assert.rejects(upstream.get('file'), { code: 'UPSTREAM_UNREACHABLE', message: /EACCES/ })
    },
  )
})
