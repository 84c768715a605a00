import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { GenerationReader } from '../../src/snapshot/generation-reader.ts'
import { createTextReply } from '../../src/proxy/reply.ts'
import { Resolver } from '../../src/proxy/resolver.ts'
import { RollingReplies } from '../../src/proxy/rolling-replies.ts'
import { SqliteSnapshotStore } from '../../src/snapshot/sqlite-snapshot-store.ts'
import { createPackage, NOON, publishSimply } from '../snapshot/publish-simply.ts'
import { tempDir } from '../support/temp-dir.ts'

const INDEX = '/repos/yum/all_latest.json'
const NAME = '/repos/yum/m/latest.txt'
const PACKAGE = '/repos/yum/m/latest/a.rpm'
const BASE = 'http://h'

/** One database, open here and in what could be another process, with a listed mirror `m`. */
async function start(t: TestContext) {
  const dir = tempDir(t)
  const file = join(dir, 'pinyon.db')
  const [here, there] = [1, 2].map(
    (which) => new SqliteSnapshotStore(file, () => join(dir, `${which}.scratch`)),
  )
  assert.ok(here !== undefined && there !== undefined)
  t.after(async () => {
    await here.close()
    await there.close()
  })
  await here.reconcile([{ name: 'm', enabled: true }], NOON)
  await publishSimply(here, { packages: [createPackage('a.rpm'), createPackage('b.rpm')] })
  const resolver = new Resolver(here, () => ({}) as never)
  const peek = (target: string) => resolver.peek(target, BASE)
  const ask = async (target: string) => await resolver.resolve(target, () => BASE, 'nobody')
  return { here, there, file, resolver, peek, ask }
}

test('what is answered is remembered until another process publishes', async (t) => {
  const { there, peek, ask } = await start(t)
  for (const target of [INDEX, NAME, PACKAGE]) {
    assert.equal(peek(target), undefined)
    const reply = await ask(target)
    assert.equal(peek(target), reply)
  }
  await publishSimply(there, { packages: [createPackage('a.rpm', '2')], nowMs: NOON + 60_000 })
  await nextTurn()
  for (const target of [INDEX, NAME, PACKAGE]) {
    assert.equal(peek(target), undefined, target)
    assert.equal(peek(target), undefined, target)
    assert.equal(await ask(target), peek(target))
  }
})

test('what the current snapshot does not list is not remembered: that changes within a generation', async (t) => {
  const { there, peek, ask } = await start(t)
  await publishSimply(there, { packages: [createPackage('a.rpm', '2')], nowMs: NOON + 60_000 })
  const old = await ask('/repos/yum/m/latest/b.rpm')
  assert.equal(old.kind, 'file')
  assert.equal(peek('/repos/yum/m/latest/b.rpm'), undefined)
})

test('an index by another spelling, or without what its URLs begin with, is not found', async (t) => {
  const { peek, ask, resolver } = await start(t)
  for (const target of ['/repos/yum/%61ll_latest.json', `http://other${INDEX}`, INDEX]) await ask(target)
  assert.notEqual(peek(INDEX), undefined)
  assert.equal(peek('/repos/yum/%61ll_latest.json'), undefined)
  assert.equal(peek(`http://other${INDEX}`), undefined)
  assert.equal(resolver.peek(INDEX), undefined)
  assert.equal(resolver.peek(INDEX, 'http://other'), undefined)
  resolver.forget()
  assert.equal(peek(INDEX), undefined)
})

test('the generation is looked up once for what is read in a turn, and what cannot be said is nothing', async () => {
  let looks = 0
  let generation: number | undefined = 1
  const replies = new RollingReplies(() => {
    looks += 1
    if (generation === undefined) throw new Error('the database is gone')
    return generation
  })
  const reply = createTextReply('text/plain', 'a')
  replies.remember(NAME, undefined, { generation: 1, reply })
  for (let times = 0; times < 3; times += 1) assert.equal(replies.peek(NAME, BASE, true), reply)
  assert.equal(looks, 1)
  for (let times = 0; times < 3; times += 1) assert.equal(replies.peek(NAME, BASE), reply)
  assert.equal(looks, 4)
  generation = undefined
  assert.equal(replies.peek(NAME, BASE), undefined)
  assert.equal(replies.peek(NAME, BASE, true), reply)
  await nextTurn()
  assert.equal(replies.peek(NAME, BASE, true), undefined)
})

test('a reader of the generation sees what others commit', async (t) => {
  const { file, there } = await start(t)
  const reader = new GenerationReader(file)
  t.after(() => reader.close())
  const before = reader.newest()
  await publishSimply(there, { packages: [createPackage('a.rpm', '2')], nowMs: NOON + 60_000 })
  assert.equal(reader.newest(), before + 1)
})
