import assert from 'node:assert/strict'
import {
  closeSync,
  createReadStream,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  type ReadStream,
} from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { compileDiskCalls, DiskCalls, type KillPoint } from '../support/disk-calls.ts'
import { parseDiskCalls } from '../support/disk-journal.ts'
import { Random } from '../support/random.ts'
import { mustRun, runCommand, type CommandResult } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { DiskImage, readContent, type PowerLoss } from './disk-image.ts'
import { applyChanges, tear } from './torn-file.ts'

/** More than a pipe takes. */
const LARGE_BYTES = 1_000_000
/** Of the event loop, in which whoever does not wait for anything has gone on. */
const TURNS = 100

/** A careful replacement, a careless one, and a file that is only made. */
const PROGRAM = `
  const fs = require('node:fs')
  fs.writeFileSync('careful.new', 'new', { flush: true })
  fs.renameSync('careful.new', 'careful')
  fs.fsyncSync(fs.openSync('.'))
  fs.writeFileSync('careless.new', 'new')
  fs.renameSync('careless.new', 'careless')
  fs.mkdirSync('made')
  fs.appendFileSync('made/file', 'x')`

interface Followed {
  readonly directory: string
  readonly calls: DiskCalls
  readonly image: DiskImage
  readonly code: number
}

/** Runs the program in a directory that holds what it replaces. */
async function follow(t: TestContext, point?: KillPoint): Promise<Followed | undefined> {
  const library = await compileDiskCalls(t)
  if (library === undefined) {
    t.skip('no C compiler')
    return undefined
  }
  const place = tempDir(t)
  const directory = join(place, 'followed')
  mkdirSync(directory)
  for (const name of ['careful', 'careless']) writeFileSync(join(directory, name), 'old')
  const image = new DiskImage(directory)
  const calls = new DiskCalls(library, place, directory)
  if (point !== undefined) calls.arm(point)
  const absolute = PROGRAM.replaceAll(/'(?=[cm]a|\.')/g, `'${directory}/`)
  const { code } = await runCommand(process.execPath, ['--eval', absolute], { env: calls.env })
  for (const call of calls.read()) image.apply(call)
  return { directory, calls, image, code }
}

function textsOf(image: DiskImage, loss: PowerLoss): Record<string, string | undefined> {
  const content = image.compose(loss, new Random(1))
  return Object.fromEntries([...content].map(([path, bytes]) => [path, bytes?.toString()]))
}

describe('a disk after a power cut', () => {
  test('has what was fsynced, all names, or everything', async (t) => {
    const followed = await follow(t)
    if (followed === undefined) return
    const { image, directory, calls } = followed
    assert.equal(calls.escaped, 0)
    assert.deepEqual(textsOf(image, 'strict'), { careful: 'new', careless: 'old' })
    const names = { careful: 'new', careless: '', made: undefined, 'made/file': '' }
    assert.deepEqual(textsOf(image, 'names'), names)
    const kept = { careful: 'new', careless: 'new', made: undefined, 'made/file': 'x' }
    assert.deepEqual(textsOf(image, 'kept'), kept)
    assert.deepEqual(readContent(directory).size, 4)
  })

  test('has of a torn file nothing that was never written', () => {
    const initial = Buffer.alloc(2_000, 'i')
    const changes = [
      { at: 100, data: Buffer.alloc(1_500, 'a') },
      { length: 1_200 },
      { at: 1_300, data: Buffer.alloc(600, 'b') },
    ]
    const seen = new Set<string>()
    for (let seed = 0; seed < 200; seed += 1) {
      const bytes = applyChanges(initial, tear(changes, new Random(seed)))
      assert.match(bytes.toString(), /^[iab\0]*$/)
      seen.add(bytes.toString())
    }
    assert.ok(seen.size > 10)
    assert.equal(applyChanges(initial, changes).length, 1_900)
  })
})

describe('a program', () => {
  for (const [when, careful] of [
    ['before', 'old'],
    ['after', 'new'],
  ] as const)
    test(`is killed ${when} a call of its own`, async (t) => {
      const followed = await follow(t, { key: 'rename careful', ordinal: 1, when })
      if (followed === undefined) return
      assert.equal(followed.code, -1)
      assert.ok(followed.calls.killed !== undefined)
      assert.equal(readContent(followed.directory).get('careful')?.toString(), careful)
      assert.equal(textsOf(followed.image, 'kept')['careful'], careful)
    })

  test('that makes calls all the time is halted when the last one is written down', async (t) => {
    const library = await compileDiskCalls(t)
    if (library === undefined) return t.skip('no C compiler')
    const place = tempDir(t)
    const directory = join(place, 'followed')
    mkdirSync(directory)
    const image = new DiskImage(directory)
    const calls = new DiskCalls(library, place, directory)
    const args = ['--eval', `for (;;) require('node:fs').appendFileSync('${directory}/file', 'x')`]
    for (let round = 0; round < 10; round += 1) {
      const length = calls.position
      const ended = runCommand(process.execPath, args, { env: calls.env })
      while (calls.position < length + 1_000) await nextTurn()
      await calls.halt()
      assert.equal((await ended).code, -1)
      calls.resume()
    }
    for (const call of calls.read()) image.apply(call)
    assert.equal(textsOf(image, 'kept')['file'], readContent(directory).get('file')?.toString())
  })

  test('that has made a call is waited for until it is written down', needs('mkfifo'), async (t) => {
    const stuck = await stickInRecord(t)
    if (stuck === undefined) return
    const { calls, journal, ended, file } = stuck
    let isHalted = false
    const halting = calls.halt().then(() => (isHalted = true))
    for (let turn = 0; turn < TURNS; turn += 1) await nextTurn()
    assert.equal(isHalted, false, 'the call is in no journal')
    const written = parseDiskCalls(await buffer(journal))
    await halting
    assert.equal((await ended).code, -1)
    assert.deepEqual(
      written.map(({ key, data }) => [key, data.length]),
      [
        ['create file', 0],
        ['write file', LARGE_BYTES],
      ],
    )
    assert.equal(statSync(file).size, LARGE_BYTES, 'and the next call is not made')
  })

  test('that somebody has killed before that is not waited for', needs('mkfifo'), async (t) => {
    const stuck = await stickInRecord(t)
    if (stuck === undefined) return
    const { calls, ended, killer } = stuck
    killer.abort()
    await assert.rejects(ended, { name: 'AbortError' })
    await calls.halt()
  })
})

interface StuckProgram {
  readonly calls: DiskCalls
  /** Who reads it to its end lets the program go on. */
  readonly journal: ReadStream
  /** What it has written, and is about to write more to. */
  readonly file: string
  readonly ended: Promise<CommandResult>
  /** Kills it. */
  readonly killer: AbortController
}

/** A program that has made a call whose record is more than its journal, a pipe that nobody reads, can take. */
async function stickInRecord(t: TestContext): Promise<StuckProgram | undefined> {
  const library = await compileDiskCalls(t)
  if (library === undefined) {
    t.skip('no C compiler')
    return undefined
  }
  const place = tempDir(t)
  const directory = join(place, 'followed')
  mkdirSync(directory)
  const calls = new DiskCalls(library, place, directory)
  const pipe = calls.env['DISK_CALLS_JOURNAL'] ?? ''
  rmSync(pipe)
  await mustRun('mkfifo', [pipe])
  // Who opens it for both waits for nobody, and nobody waits to open it.
  const held = openSync(pipe, 'r+')
  const file = join(directory, 'file')
  const killer = new AbortController()
  const program = `const fs = require('node:fs')
    for (const file = fs.openSync('${file}', 'w'); ;) fs.writeSync(file, Buffer.alloc(${LARGE_BYTES}))`
  const { signal } = killer
  const ended = runCommand(process.execPath, ['--eval', program], { env: calls.env, signal })
  t.after(() => {
    killer.abort()
    return ended.catch(() => undefined)
  })
  while (statSync(file, { throwIfNoEntry: false })?.size !== LARGE_BYTES) await nextTurn()
  const journal = createReadStream(pipe, { fd: openSync(pipe, 'r') })
  t.after(() => journal.destroy())
  closeSync(held)
  return { calls, journal, file, ended, killer }
}
