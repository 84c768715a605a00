import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, mock, test, type TestContext } from 'node:test'

import Database from 'better-sqlite3'

import { Claims } from '../../src/system/claims.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startClaimsPeer } from './claims-peer.ts'

const DEAD = 'dddddddddddddddd'

function openClaims(t: TestContext, directory: string): Claims {
  const claims = new Claims(directory)
  t.after(() => claims.close())
  return claims
}

function aliveFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.alive'))
    .toSorted()
}

describe('claims', () => {
  test('have one holder, who may note something and give them up', (t) => {
    const directory = tempDir(t)
    const [first, second] = [openClaims(t, directory), openClaims(t, directory)]
    assert.match(first.processId, /^[0-9a-f]{16}$/)
    assert.notEqual(first.processId, second.processId)
    const claim = first.tryClaim('fill x')
    assert.ok(claim)
    assert.equal(first.tryClaim('fill x'), undefined)
    assert.equal(second.tryClaim('fill x'), undefined)
    assert.ok(second.tryClaim('fill y'))
    assert.deepEqual(second.find('fill x'), { owner: first.processId, detail: '' })
    claim.note('over there')
    assert.deepEqual(second.find('fill x'), { owner: first.processId, detail: 'over there' })
    claim.release()
    assert.equal(second.find('fill x'), undefined)
    assert.ok(second.tryClaim('fill x'))
  })

  test('know which other processes live', (t) => {
    const directory = tempDir(t)
    const [first, second] = [openClaims(t, directory), openClaims(t, directory)]
    writeFileSync(join(directory, `${DEAD}.alive`), '')
    assert.deepEqual([first.others(), second.others()], [[second.processId], [first.processId]])
    second.close()
    assert.deepEqual(first.others(), [])
  })

  test('released twice, or noted late, leave a later claim of the same name alone', (t) => {
    const directory = tempDir(t)
    const [first, second] = [openClaims(t, directory), openClaims(t, directory)]
    const early = first.tryClaim('x')
    early?.release()
    const late = first.tryClaim('x')
    late?.note('late')
    early?.release()
    early?.note('early')
    assert.deepEqual(second.find('x'), { owner: first.processId, detail: 'late' })
    assert.equal(second.tryClaim('x'), undefined)
    assert.equal(first.tryClaim('x'), undefined)
  })

  test('end with their process, and closing twice does nothing more', (t) => {
    const directory = tempDir(t)
    const [first, second] = [openClaims(t, directory), openClaims(t, directory)]
    const claim = first.tryClaim('x')
    first.close()
    first.close()
    claim?.release()
    assert.equal(second.find('x'), undefined)
    assert.equal(second.isAlive(first.processId), false)
    assert.deepEqual(aliveFiles(directory), [`${second.processId}.alive`])
    assert.ok(second.tryClaim('x'))
  })

  test('whose release cannot be written are released later, and can be had again meanwhile', (t) => {
    mock.timers.enable({ apis: ['setTimeout'] })
    t.after(() => mock.timers.reset())
    const directory = tempDir(t)
    const [first, second] = [openClaims(t, directory), openClaims(t, directory)]
    const [again, gone] = [first.tryClaim('again'), first.tryClaim('gone')]
    // What a full disk does to the database.
    const full = new Database(join(directory, 'claims.db'))
    full.exec("CREATE TRIGGER full BEFORE DELETE ON claim BEGIN SELECT RAISE(ABORT, 'full'); END")
    again?.release()
    gone?.release()
    const reclaimed = first.tryClaim('again')
    assert.ok(reclaimed)
    assert.equal(first.tryClaim('again'), undefined)
    assert.equal(second.tryClaim('gone'), undefined)
    full.exec('DROP TRIGGER full')
    full.close()
    mock.timers.tick(1_000)
    assert.ok(second.tryClaim('gone'))
    assert.equal(second.find('again')?.owner, first.processId)
  })
})

describe('claims among processes', () => {
  test('have one winner', async (t) => {
    const directory = tempDir(t)
    // Started at once, so that they also race for the making of the database.
    const peers = await Promise.all(Array.from({ length: 4 }, () => startClaimsPeer(t, directory)))
    for (let round = 0; round < 50; round += 1) {
      const answers = await Promise.all(peers.map((peer) => peer.ask('claim', `${round}`)))
      assert.deepEqual(answers.toSorted(), ['false', 'false', 'false', 'true'])
    }
  })

  test('of one that was killed are taken over by one other', async (t) => {
    const directory = tempDir(t)
    const [killed, ...others] = await Promise.all(
      Array.from({ length: 4 }, () => startClaimsPeer(t, directory)),
    )
    assert.ok(killed)
    for (let round = 0; round < 20; round += 1) await killed.ask('claim', `${round}`)
    await killed.ask('note', '0', 'half-done')
    assert.equal(await others[0]?.ask('find', '0'), `{"owner":"${killed.processId}","detail":"half-done"}`)
    assert.equal(await others[0]?.ask('claim', '0'), 'false')
    await killed.kill()
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(others.map((peer) => peer.ask('claim', `${round}`)))
      assert.deepEqual(answers.toSorted(), ['false', 'false', 'true'])
    }
    const found = JSON.parse((await others[0]?.ask('find', '0')) ?? '') as { owner: string; detail: string }
    assert.notEqual(found.owner, killed.processId)
    assert.equal(found.detail, '')
    assert.equal(existsSync(join(directory, `${killed.processId}.alive`)), false)
  })

  test('of one that was killed are taken over with what the next one says of them', async (t) => {
    const directory = tempDir(t)
    const [killed, claims] = [await startClaimsPeer(t, directory), openClaims(t, directory)]
    await killed.ask('claim', 'x')
    await killed.ask('note', 'x', 'half-done')
    await killed.kill()
    assert.ok(claims.tryClaim('x', 'begun anew'))
    assert.deepEqual(claims.find('x'), { owner: claims.processId, detail: 'begun anew' })
    assert.ok(claims.tryClaim('y', 'begun'))
    assert.deepEqual(claims.find('y'), { owner: claims.processId, detail: 'begun' })
  })

  test('are swept with the sign of life of the dead, and not of the living, when another starts', async (t) => {
    const directory = tempDir(t)
    const [killed, living] = [await startClaimsPeer(t, directory), await startClaimsPeer(t, directory)]
    await Promise.all([killed.ask('claim', 'dead'), living.ask('claim', 'alive')])
    await killed.kill()
    writeFileSync(join(directory, `${DEAD}.alive`), '')
    writeFileSync(join(directory, 'notes.txt'), '')
    const claims = openClaims(t, directory)
    assert.deepEqual(
      aliveFiles(directory),
      [`${claims.processId}.alive`, `${living.processId}.alive`].toSorted(),
    )
    assert.ok(existsSync(join(directory, 'notes.txt')))
    assert.equal(await living.ask('alive', claims.processId), 'true')
    assert.equal(claims.tryClaim('alive'), undefined)
    const owners = new Database(join(directory, 'claims.db')).prepare('SELECT owner FROM claim').pluck().all()
    assert.deepEqual(owners, [living.processId])
    await living.end()
    assert.ok(claims.tryClaim('alive'))
  })

  test('never take a starting process for a dead one', async (t) => {
    const directory = tempDir(t)
    const claims = openClaims(t, directory)
    const exec = Object.getOwnPropertyDescriptor(Database.prototype, 'exec')
      ?.value as Database.Database['exec']
    // Another process sweeps between the making of the lock file and its locking.
    let swept = 0
    t.mock.method(Database.prototype, 'exec', function (this: Database.Database, sql: string) {
      if (sql === 'BEGIN EXCLUSIVE' && swept < 3) {
        swept += 1
        const started = aliveFiles(directory).find((file) => !file.startsWith(claims.processId)) ?? ''
        assert.equal(claims.isAlive(started.replace('.alive', '')), false)
      }
      return exec.call(this, sql)
    })
    const starting = openClaims(t, directory)
    assert.equal(swept, 3)
    assert.equal(claims.isAlive(starting.processId), true)
    assert.ok(existsSync(join(directory, `${starting.processId}.alive`)))
    assert.ok(starting.tryClaim('x'))
    assert.equal(claims.tryClaim('x'), undefined)
  })

  test('take one whose lock cannot be looked at for alive', (t) => {
    const directory = tempDir(t)
    const claims = openClaims(t, directory)
    const other = openClaims(t, directory)
    assert.ok(other.tryClaim('x'))
    t.mock.method(Database.prototype, 'exec', () => {
      throw Object.assign(new Error('unable to open database file'), { code: 'SQLITE_CANTOPEN' })
    })
    assert.equal(claims.isAlive(other.processId), true)
    assert.equal(claims.tryClaim('x'), undefined)
    assert.equal(claims.isAlive(DEAD), false)
  })
})
