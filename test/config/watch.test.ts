import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  type FSWatcher,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { watchConfig, type WatchOptions } from '../../src/config/watch.ts'
import { tempDir } from '../support/temp-dir.ts'

/** Fails a test that waits in vain, and keeps its process alive meanwhile. */
const DEADLINE_MS = 60_000

/** Starts to watch a file; `next` waits for the next call that comes after it is asked for. */
function watchFile(t: TestContext, file: string, options?: WatchOptions): { next(): Promise<void> } {
  let notify: (() => void) | undefined
  const watching = watchConfig(file, () => notify?.(), options)
  t.after(() => watching.close())
  return {
    next: () =>
      new Promise((resolve, reject) => {
        const deadline = setTimeout(() => reject(new Error('no change was noticed')), DEADLINE_MS)
        notify = () => {
          clearTimeout(deadline)
          resolve()
        }
      }),
  }
}

/** Ways of changing `pinyon.yaml` in a directory, after `prepare` has put it there. */
const WAYS: readonly [name: string, prepare: (dir: string) => void, change: (dir: string) => void][] = [
  ['writing in place', plain, (dir) => appendFileSync(join(dir, 'pinyon.yaml'), 'b')],
  ['the same length in place', plain, (dir) => writeFileSync(join(dir, 'pinyon.yaml'), 'b')],
  ['renaming over it', plain, (dir) => replace(join(dir, 'pinyon.yaml'), (path) => writeFileSync(path, 'b'))],
  ['deleting it', plain, (dir) => unlinkSync(join(dir, 'pinyon.yaml'))],
  ['making it', () => {}, plain],
  [
    'making its directory and it',
    (dir) => rmSync(dir, { recursive: true }),
    (dir) => (mkdirSync(dir), plain(dir)),
  ],
  [
    'replacing its directory',
    plain,
    (dir) => {
      mkdirSync(`${dir}.new`)
      plain(`${dir}.new`)
      renameSync(dir, `${dir}.old`)
      renameSync(`${dir}.new`, dir)
    },
  ],
  ['writing where a link leads', linked, (dir) => appendFileSync(join(dir, 'far/real.yaml'), 'b')],
  [
    'renaming where a link leads',
    linked,
    (dir) => replace(join(dir, 'far/real.yaml'), (path) => writeFileSync(path, 'b')),
  ],
  [
    'a link that leads elsewhere',
    linked,
    (dir) => replace(join(dir, 'pinyon.yaml'), (path) => symlinkSync('/dev/null', path)),
  ],
  ['a Kubernetes ConfigMap', configMap, swapConfigMap],
]

function plain(dir: string): void {
  writeFileSync(join(dir, 'pinyon.yaml'), 'a')
}

function linked(dir: string): void {
  mkdirSync(join(dir, 'far'))
  writeFileSync(join(dir, 'far/real.yaml'), 'a')
  symlinkSync('far/real.yaml', join(dir, 'pinyon.yaml'))
}

/** As the kubelet lays it out. */
function configMap(dir: string): void {
  mkdirSync(join(dir, '..1'))
  writeFileSync(join(dir, '..1/pinyon.yaml'), 'a')
  symlinkSync('..1', join(dir, '..data'))
  symlinkSync('..data/pinyon.yaml', join(dir, 'pinyon.yaml'))
}

function swapConfigMap(dir: string): void {
  mkdirSync(join(dir, '..2'))
  writeFileSync(join(dir, '..2/pinyon.yaml'), 'b')
  replace(join(dir, '..data'), (path) => symlinkSync('..2', path))
  rmSync(join(dir, '..1'), { recursive: true })
}

function replace(path: string, make: (temporary: string) => void): void {
  make(`${path}.tmp`)
  renameSync(`${path}.tmp`, path)
}

function makeDirectory(t: TestContext): string {
  const dir = join(tempDir(t), 'etc')
  mkdirSync(dir)
  return dir
}

describe('a change is noticed', () => {
  for (const [name, prepare, change] of WAYS) {
    test(name, async (t) => {
      const dir = makeDirectory(t)
      prepare(dir)
      const watching = watchFile(t, join(dir, 'pinyon.yaml'))
      const noticed = watching.next()
      change(dir)
      await noticed
    })
  }

  test('and every one after it', async (t) => {
    const dir = makeDirectory(t)
    const file = join(dir, 'pinyon.yaml')
    plain(dir)
    const watching = watchFile(t, file)
    const steps = [
      () => unlinkSync(file),
      () => plain(dir),
      () => renameSync(dir, `${dir}.away`),
      () => (mkdirSync(dir), plain(dir)),
      () => appendFileSync(file, 'b'),
      () => (unlinkSync(file), configMap(dir)),
      () => swapConfigMap(dir),
      () => appendFileSync(join(dir, '..2/pinyon.yaml'), 'c'),
    ]
    for (const step of steps) {
      const noticed = watching.next()
      step()
      await noticed
    }
  })
})

/** A stand-in for `fs.watch` that counts what is open and reports what it is told to. */
function fakeWatch() {
  const open = new Map<string, (name: string | null) => void>()
  const errors = new Map<string, () => void>()
  const fake: NonNullable<WatchOptions['watch']> = (directory, onEvent) => {
    assert.ok(!open.has(directory), 'watched twice')
    open.set(directory, onEvent)
    const watcher = {
      close: () => open.delete(directory),
      on: (_event: string, listener: () => void) => errors.set(directory, listener),
    }
    return watcher as unknown as FSWatcher
  }
  return { open, errors, watch: fake }
}

function cannotWatch(): never {
  throw new Error('ENOSPC: no more watches')
}

describe('with the time in our hands', () => {
  test('many events are one call, after 100 ms of quiet', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    const dir = makeDirectory(t)
    plain(dir)
    const { open, watch } = fakeWatch()
    let calls = 0
    const watching = watchConfig(join(dir, 'pinyon.yaml'), () => (calls += 1), { watch })
    for (let event = 0; event < 5; event++) {
      open.get(dir)?.('pinyon.yaml')
      t.mock.timers.tick(99)
      assert.equal(calls, 0)
    }
    t.mock.timers.tick(1)
    assert.equal(calls, 1)
    t.mock.timers.tick(60_000)
    assert.equal(calls, 1)
    watching.close()
  })

  test('other files are no change, and do not put one off', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    const dir = makeDirectory(t)
    plain(dir)
    const { open, watch } = fakeWatch()
    let calls = 0
    const watching = watchConfig(join(dir, 'pinyon.yaml'), () => (calls += 1), { watch })
    open.get(dir)?.('other')
    t.mock.timers.tick(100)
    assert.equal(calls, 0)
    open.get(dir)?.('pinyon.yaml')
    t.mock.timers.tick(50)
    open.get(dir)?.('other')
    t.mock.timers.tick(50)
    assert.equal(calls, 1)
    watching.close()
  })

  test('where nothing is reported the file is looked at every 5 s', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    const dir = makeDirectory(t)
    plain(dir)
    let calls = 0
    const watching = watchConfig(join(dir, 'pinyon.yaml'), () => (calls += 1), { watch: cannotWatch })
    appendFileSync(join(dir, 'pinyon.yaml'), 'b')
    t.mock.timers.tick(4999)
    assert.equal(calls, 0)
    t.mock.timers.tick(1)
    t.mock.timers.tick(100)
    assert.equal(calls, 1)
    rmSync(dir, { recursive: true })
    t.mock.timers.tick(5000)
    t.mock.timers.tick(100)
    assert.equal(calls, 2)
    watching.close()
  })

  test('no watcher is left over, neither by changes nor errors nor at the end', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    const dir = makeDirectory(t)
    configMap(dir)
    const { open, errors, watch } = fakeWatch()
    let calls = 0
    const watching = watchConfig(join(dir, 'pinyon.yaml'), () => (calls += 1), { watch })
    const before = open.size
    assert.ok(open.has(join(dir, '..1')))
    swapConfigMap(dir)
    open.get(dir)?.('..data')
    t.mock.timers.tick(100)
    assert.equal(calls, 1)
    assert.equal(open.size, before)
    assert.ok(!open.has(join(dir, '..1')) && open.has(join(dir, '..2')))
    errors.get(dir)?.()
    assert.equal(open.size, before - 1)
    t.mock.timers.tick(5000)
    assert.equal(open.size, before)
    open.get(dir)?.('pinyon.yaml')
    watching.close()
    assert.equal(open.size, 0)
    t.mock.timers.tick(60_000)
    assert.equal(calls, 1)
  })
})

test('close ends everything', async (t) => {
  const dir = makeDirectory(t)
  plain(dir)
  const file = join(dir, 'pinyon.yaml')
  const closed = watchConfig(file, () => assert.fail('called after close'))
  const other = watchFile(t, file)
  closed.close()
  closed.close()
  const noticed = other.next()
  appendFileSync(file, 'b')
  await noticed
})
