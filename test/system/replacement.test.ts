import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { replaceFiles } from '../../src/system/replacement.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs, SYSTEM_PYTHON } from '../support/tools.ts'

const NEW = Buffer.from('new\n')

describe('files are replaced', () => {
  test('by other ones with their mode and owner, and a time of their own', needs('root'), async (t) => {
    const dir = tempDir(t)
    const path = join(dir, 'a.repo')
    writeFileSync(path, 'old\n')
    chownSync(path, 1234, 4321)
    for (const mode of [0o640, 0o444, 0o600, 0o664]) {
      chmodSync(path, mode)
      utimesSync(path, 1_000_000, 1_000_000)
      const before = statSync(path)
      await replaceFiles([{ path, like: path, bytes: NEW }])
      const after = statSync(path)
      assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, 1234, 4321])
      assert.notEqual(after.ino, before.ino)
      assert.ok(after.mtimeMs > before.mtimeMs, 'yum goes by it')
      assert.equal(readFileSync(path, 'utf8'), 'new\n')
    }
    assert.deepEqual(readdirSync(dir), ['a.repo'])
  })

  test('by other ones with their extended attributes', needs('root', 'python3'), async (t) => {
    const dir = tempDir(t)
    const path = join(dir, 'a.repo')
    writeFileSync(path, 'old\n')
    const set =
      'import os, sys\nos.setxattr(sys.argv[1], "user.test", b"1")\nos.setxattr(sys.argv[1], "trusted.test", b"2")'
    const { code, stderr } = await runCommand(SYSTEM_PYTHON, ['-c', set, path])
    if (code !== 0 && /Operation not (?:supported|permitted)/.test(stderr))
      return t.skip('the file system has no extended attributes')
    assert.equal(code, 0, stderr)
    await replaceFiles([{ path, like: path, bytes: NEW }])
    const get =
      'import os, sys\nprint(sorted((n, os.getxattr(sys.argv[1], n)) for n in os.listxattr(sys.argv[1])))'
    const { stdout } = await mustRun(SYSTEM_PYTHON, ['-c', get, path])
    assert.match(stdout, /\('trusted\.test', b'2'\), \('user\.test', b'1'\)/)
  })

  test('while another hard link goes on naming what was', async (t) => {
    const dir = tempDir(t)
    const [path, other] = [join(dir, 'a'), join(dir, 'b')]
    writeFileSync(path, 'old\n')
    linkSync(path, other)
    await replaceFiles([{ path, like: path, bytes: NEW }])
    assert.deepEqual(
      [readFileSync(path, 'utf8'), readFileSync(other, 'utf8'), statSync(other).nlink],
      ['new\n', 'old\n', 1],
    )
  })

  test('also where there is none yet: as the one it is like', async (t) => {
    const dir = tempDir(t)
    const like = join(dir, 'a.repos')
    writeFileSync(like, 'old\n', { mode: 0o600 })
    const path = join(dir, '-a b.repo')
    await replaceFiles([{ path, like, bytes: NEW }])
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o7777], ['new\n', 0o600])
    assert.deepEqual(readdirSync(dir).toSorted(), ['-a b.repo', 'a.repos'])
  })
})

describe('all or none:', () => {
  test('when one cannot be replaced, those before it are what they were, to the inode', async (t) => {
    const dir = tempDir(t)
    const [first, made, directory] = ['first', 'made', 'directory'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(first, 'old\n')
    mkdirSync(directory)
    const { ino, mtimeMs } = lstatSync(first)
    const replacements = [
      { path: first, like: first, bytes: NEW },
      { path: made, like: first, bytes: NEW },
      { path: directory, like: first, bytes: NEW },
    ]
    await assert.rejects(replaceFiles(replacements), {
      code: 'STORE_FAILED',
      message: `replacing ${directory}: EISDIR`,
    })
    const after = lstatSync(first)
    assert.deepEqual([after.ino, after.mtimeMs, readFileSync(first, 'utf8')], [ino, mtimeMs, 'old\n'])
    assert.deepEqual(readdirSync(dir).toSorted(), ['directory', 'first'])
  })

  test('when one cannot be written beside, none is touched', async (t) => {
    const dir = tempDir(t)
    const path = join(dir, 'a')
    writeFileSync(path, 'old\n')
    for (const bad of [
      { path: join(dir, 'none/b'), like: path, bytes: NEW },
      { path: join(dir, 'b'), like: join(dir, 'none'), bytes: NEW },
    ])
      await assert.rejects(replaceFiles([{ path, like: path, bytes: NEW }, bad]), {
        code: 'STORE_FAILED',
        message: /(?:ENOENT|No such file)/,
      })
    assert.deepEqual([readdirSync(dir), readFileSync(path, 'utf8')], [['a'], 'old\n'])
  })

  test('what somebody else changed meanwhile is not overwritten', async (t) => {
    const dir = tempDir(t)
    const path = join(dir, 'a')
    writeFileSync(path, 'old\n')
    const facts = lstatSync(path, { bigint: true })
    writeFileSync(path, 'theirs\n')
    await assert.rejects(
      replaceFiles([{ path, like: path, bytes: NEW, facts }]),
      /somebody else has changed it meanwhile: /,
    )
    assert.deepEqual([readdirSync(dir), readFileSync(path, 'utf8')], [['a'], 'theirs\n'])
  })
})
