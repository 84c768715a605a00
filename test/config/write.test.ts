import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { editConfigFile } from '../../src/config/write.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { publishFile } from '../../src/system/publish.ts'
import { writeLike } from '../../src/system/write-like.ts'
import { loseAttributes } from '../support/losing-copies.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

/** A file with a text, alone in a directory of its own. */
function makeFile(t: TestContext, text: string | Uint8Array): string {
  const file = join(tempDir(t), 'pinyon.yaml')
  writeFileSync(file, text)
  return file
}

const REPLACER = { writeLike, publish: publishFile }

const publishNothing = () => Promise.reject(new Error('EROFS: read-only file system'))

const append = (text: string) => `${text}b\n`

describe('editConfigFile', () => {
  test('replaces the text, and leaves nothing else behind', async (t) => {
    const file = makeFile(t, '\ufeffä\r\n')
    await editConfigFile(file, append, REPLACER)
    assert.equal(readFileSync(file, 'utf8'), '\ufeffä\r\nb\n')
    assert.deepEqual(readdirSync(dirname(file)), ['pinyon.yaml'])
  })

  test('keeps the mode', async (t) => {
    const file = makeFile(t, 'a\n')
    for (const mode of [0o600, 0o664, 0o400]) {
      chmodSync(file, mode)
      await editConfigFile(file, append, REPLACER)
      assert.equal(statSync(file).mode & 0o7777, mode)
    }
  })

  const skip = process.getuid?.() === 0 ? false : 'only root may give files away'
  test('keeps the owner', { skip }, async (t) => {
    const file = makeFile(t, 'a\n')
    chownSync(file, 4711, 4712)
    await editConfigFile(file, append, REPLACER)
    const { uid, gid } = statSync(file)
    assert.deepEqual([uid, gid], [4711, 4712])
  })

  test('keeps extended attributes', needs('setfattr', 'getfattr'), async (t) => {
    const file = makeFile(t, 'a\n')
    const { code, stderr } = await runCommand('setfattr', ['-n', 'user.comment', '-v', 'ours', file])
    if (code !== 0 && /Operation not supported/.test(stderr))
      return t.skip('the file system has no extended attributes')
    assert.equal(code, 0, stderr)
    await editConfigFile(file, append, REPLACER)
    const { stdout } = await mustRun('getfattr', ['--only-values', '-n', 'user.comment', file])
    assert.deepEqual([stdout, readFileSync(file, 'utf8')], ['ours', 'a\nb\n'])
  })

  test(
    'keeps an access list, whose mask does not become the rights of the group',
    needs('setfacl'),
    async (t) => {
      const file = makeFile(t, 'a\n')
      chmodSync(file, 0o600)
      const { code, stderr } = await runCommand('setfacl', ['-m', 'u:daemon:rw', file])
      if (code !== 0 && /Operation not supported/.test(stderr))
        return t.skip('the file system has no access lists')
      assert.equal(code, 0, stderr)
      const read = async () => (await mustRun('getfacl', ['-cE', file])).stdout
      const before = await read()
      assert.match(before, /^user:daemon:rw-\ngroup::---$/m)
      await editConfigFile(file, append, REPLACER)
      assert.equal(await read(), before)
    },
  )

  test('changes nothing where attributes cannot be kept', async (t) => {
    const file = makeFile(t, 'a\n')
    const message = `replacing the configuration file ${file}: copying ${file}: ${loseAttributes(t)}`
    await assert.rejects(editConfigFile(file, append, REPLACER), { code: 'STORE_FAILED', message })
    assert.equal(readFileSync(file, 'utf8'), 'a\n')
    assert.deepEqual(readdirSync(dirname(file)), ['pinyon.yaml'])
  })

  test('replaces what a symbolic link leads to', async (t) => {
    const file = makeFile(t, 'a\n')
    const link = join(tempDir(t), 'link.yaml')
    symlinkSync(file, link)
    await editConfigFile(link, append, REPLACER)
    assert.ok(lstatSync(link).isSymbolicLink())
    assert.equal(readlinkSync(link), file)
    assert.equal(readFileSync(file, 'utf8'), 'a\nb\n')
    assert.deepEqual(readdirSync(dirname(link)), ['link.yaml'])
  })

  test('writes nothing when there is nothing to change', async (t) => {
    const file = makeFile(t, 'a\n')
    await editConfigFile(file, (text) => text, { ...REPLACER, publish: () => assert.fail('published') })
    assert.equal(readFileSync(file, 'utf8'), 'a\n')
  })

  test('begins anew when the file has changed meanwhile', async (t) => {
    const file = makeFile(t, 'a\n')
    const seen: string[] = []
    const edit = (text: string) => {
      seen.push(text)
      if (seen.length === 1) writeFileSync(file, 'x\n')
      // In the same place, of the same length.
      if (seen.length === 2) writeFileSync(file, 'y\n')
      return append(text)
    }
    await editConfigFile(file, edit, REPLACER)
    assert.deepEqual(seen, ['a\n', 'x\n', 'y\n'])
    assert.equal(readFileSync(file, 'utf8'), 'y\nb\n')
    assert.deepEqual(readdirSync(dirname(file)), ['pinyon.yaml'])
  })

  test('begins anew when the link leads elsewhere meanwhile', async (t) => {
    const [first, second] = [makeFile(t, 'a\n'), makeFile(t, 'a\n')]
    const link = join(tempDir(t), 'link.yaml')
    symlinkSync(first, link)
    let edits = 0
    const edit = (text: string) => {
      edits += 1
      symlinkSync(second, `${link}.new`)
      if (edits === 1) renameSync(`${link}.new`, link)
      return append(text)
    }
    await editConfigFile(link, edit, REPLACER)
    assert.deepEqual([readFileSync(first, 'utf8'), readFileSync(second, 'utf8')], ['a\n', 'a\nb\n'])
  })

  test('gives up on a file that does not stay still', async (t) => {
    const file = makeFile(t, '0')
    const edit = (text: string) => {
      writeFileSync(file, String(Number(text) + 1))
      return append(text)
    }
    const message = `editing ${file}: it changed meanwhile, times: 3`
    await assert.rejects(editConfigFile(file, edit, REPLACER), { code: 'STORE_FAILED', message })
    assert.equal(readFileSync(file, 'utf8'), '3')
    assert.deepEqual(readdirSync(dirname(file)), ['pinyon.yaml'])
  })

  test('passes on what the edit throws', async (t) => {
    const file = makeFile(t, 'a\n')
    const refusal = new PinyonError('NOT_FOUND', 'no such mirror')
    const edit = () => {
      throw refusal
    }
    await assert.rejects(editConfigFile(file, edit, REPLACER), refusal)
    assert.equal(readFileSync(file, 'utf8'), 'a\n')
  })

  test('leaves the file as it was when it cannot be replaced', async (t) => {
    const file = makeFile(t, 'a\n')
    const message = `replacing the configuration file ${file}: EROFS: read-only file system`
    await assert.rejects(editConfigFile(file, append, { ...REPLACER, publish: publishNothing }), {
      code: 'STORE_FAILED',
      message,
    })
    assert.equal(readFileSync(file, 'utf8'), 'a\n')
    assert.deepEqual(readdirSync(dirname(file)), ['pinyon.yaml'])
  })

  const unreadable: readonly [string, (t: TestContext) => string, RegExp][] = [
    ['a missing file', (t) => join(tempDir(t), 'none'), /ENOENT/],
    ['a directory', (t) => (mkdirSync(join(tempDir(t), 'd')), tempDir(t)), /not a regular file/],
    ['a device', () => '/dev/null', /not a regular file/],
    ['bytes that are not UTF-8', (t) => makeFile(t, Buffer.from('caf\xe9', 'latin1')), /not valid/],
    ['too many bytes', (t) => makeFile(t, Buffer.alloc(10 * 1024 * 1024 + 1, '#')), /too large/],
  ]
  for (const [name, make, message] of unreadable) {
    test(`refuses ${name}`, async (t) => {
      await assert.rejects(editConfigFile(make(t), append, REPLACER), { code: 'STORE_FAILED', message })
    })
  }
})
