import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'

import { FIRST_REVISION } from '../support/repodata-files.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startApp } from '../support/start-app.ts'
import { httpGet } from '../support/http-get.ts'
import { publishSimply } from '../snapshot/publish-simply.ts'
import { editRepomd, openMirror } from '../snapshot/mirror-under-test.ts'

function publish(dir: string, name: string, revision: number): void {
  writeSyntheticRepository(dir, {
    packages: [{ name }],
    revision: FIRST_REVISION + revision,
    withoutFiles: true,
  })
}

function url(dir: string): string {
  return pathToFileURL(`${dir}/`).href
}

function setUp(t: TestContext, count = 1) {
  const dirs = Array.from({ length: count }, () => tempDir(t))
  const baseurls = dirs.map(url)
  return { dirs, dir: dirs[0] ?? '', mirror: openMirror(t, { baseurls }) }
}

describe('an upstream that goes backwards', () => {
  test('is refused with the reason and what to do, and the last snapshot stays', async (t) => {
    const { dir, mirror } = setUp(t)
    publish(dir, 'a', 200)
    await mirror.publish()
    publish(dir, 'b', 100)
    const error = await mirror.fail()
    assert.equal(error.code, 'REPODATA_OLDER')
    assert.match(
      error.message,
      /^upstream went backwards at file:.*: revision 1577836900, the last snapshot has 1577837000; files up to 2020-01-01T00:01:40Z/,
    )
    assert.match(
      error.message,
      /The last snapshot stays\. .* set allow_older: true on m until the next snapshot$/,
    )
    assert.equal((await mirror.fail()).code, 'REPODATA_OLDER', 'again and again')
    publish(dir, 'c', 201)
    await mirror.publish()
  })

  test('is taken where the mirror allows it, and is then the state to go on from', async (t) => {
    const { dir, mirror } = setUp(t)
    publish(dir, 'a', 200)
    await mirror.publish()
    publish(dir, 'b', 100)
    mirror.allowOlder = true
    assert.equal((await mirror.publish()).revision, `${FIRST_REVISION + 100}`)
    mirror.allowOlder = false
    publish(dir, 'c', 150)
    await mirror.publish()
  })

  test('to the content of the last snapshot is nothing new', async (t) => {
    const { dir, mirror } = setUp(t)
    publish(dir, 'a', 200)
    await mirror.publish()
    // Of an older day, but the same packages: only what primary is told by changes.
    editRepomd(dir, (text) => text.replaceAll(`${FIRST_REVISION + 200}`, `${FIRST_REVISION}`))
    await mirror.expectUnchanged()
  })

  test('does so also when its repomd.xml says no revision', async (t) => {
    const { dir, mirror } = setUp(t)
    const withoutRevision = () => editRepomd(dir, (text) => text.replace(/<revision>.*<\/revision>/, ''))
    publish(dir, 'a', 200)
    withoutRevision()
    await mirror.publish()
    publish(dir, 'b', 100)
    withoutRevision()
    assert.match((await mirror.fail()).message, /: files up to/)
  })

  test('and says nothing of its age is followed', async (t) => {
    const { dir, mirror } = setUp(t)
    const ageless = () =>
      editRepomd(dir, (text) =>
        text.replace(/<revision>.*<\/revision>/, '').replaceAll(/<timestamp>.*<\/timestamp>/g, ''),
      )
    for (const [name, revision] of [
      ['a', 200],
      ['b', 100],
    ] as const) {
      publish(dir, name, revision)
      ageless()
      await mirror.publish()
    }
  })

  test('but was built anew is followed: it counts from 1, its files are new', async (t) => {
    const { dir, mirror } = setUp(t)
    publish(dir, 'a', 200)
    await mirror.publish()
    publish(dir, 'b', 300)
    editRepomd(dir, (text) => text.replace(/<revision>.*<\/revision>/, '<revision>1</revision>'))
    await mirror.publish()
  })
})

describe('sources out of step', () => {
  test('one that is behind is passed over for one that is not', async (t) => {
    const { dirs, mirror } = setUp(t, 2)
    const [behind = '', ahead = ''] = dirs
    publish(behind, 'a', 200)
    publish(ahead, 'a', 200)
    await mirror.publish()
    publish(behind, 'b', 100)
    await mirror.expectUnchanged()
    publish(ahead, 'c', 300)
    assert.equal((await mirror.publish()).revision, `${FIRST_REVISION + 300}`)
    // The first one is asked first again, and has caught up.
    publish(behind, 'd', 301)
    assert.equal((await mirror.publish()).revision, `${FIRST_REVISION + 301}`)
  })

  test('one that is behind while the others cannot be asked is refused', async (t) => {
    const { dirs, mirror } = setUp(t, 2)
    publish(dirs[0] ?? '', 'a', 200)
    await mirror.publish()
    publish(dirs[0] ?? '', 'b', 100)
    assert.equal((await mirror.fail()).code, 'REPODATA_OLDER')
  })
})

test('after an adoption upstream is not measured by the times of the server that made what was adopted', async (t) => {
  const { dir, mirror } = setUp(t)
  publish(dir, 'a', 200)
  await mirror.publish()
  const adoption = mirror.store.adopt('m')
  const nowMs = Date.UTC(2026, 0, 1, 0, 30)
  const candidate = { revision: `${FIRST_REVISION + 999}` }
  await publishSimply({ publish: (publication) => adoption.add(publication) }, { nowMs, candidate })
  await adoption.commit({ configured: true, nowMs, actor: 'test' })
  await adoption.close()
  publish(dir, 'b', 201)
  assert.equal((await mirror.publish()).revision, `${FIRST_REVISION + 201}`)
  publish(dir, 'c', 200)
  assert.equal((await mirror.fail()).code, 'REPODATA_OLDER', 'from then on it is')
})

test('a baseurl that was changed to an older copy says so, in API and status, until allow_older is set', async (t) => {
  const [newer, older] = [tempDir(t), tempDir(t)]
  publish(newer, 'a', 200)
  publish(older, 'b', 100)
  const dataDir = tempDir(t)
  const first = await startApp(t, { mirrors: { m: url(newer) }, dataDir })
  assert.equal((await first.app.sync('m')).outcome, 'published')
  await first.close()
  const second = await startApp(t, { mirrors: { m: url(older) }, dataDir })
  assert.equal((await second.app.sync('m')).outcome, 'failed')
  const view = JSON.parse((await httpGet(`${second.url}/api/v1/mirrors/m`)).body.toString()) as {
    error: string
    snapshots: number
  }
  assert.match(
    view.error,
    /went backwards at .* that one came from file:.* no longer a baseurl\. .* allow_older: true on m/,
  )
  assert.equal(view.snapshots, 1)
  await second.close()
  const third = await startApp(t, { mirrors: { m: { baseurls: [url(older)], allowOlder: true } }, dataDir })
  assert.equal((await third.app.sync('m')).outcome, 'published')
})
