import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import type { MirrorConfig } from '../../src/config/config.ts'
import { DnfRoot } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { startApp, type StartedApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import { createTwoKeys } from '../support/two-keys.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

// A signed repository from end to end: gpg signs it, pinyon checks it, and dnf checks it again.

const TOOLS = needs('dnf', 'rpmbuild', 'createrepo_c', 'gpg')

const { gpg, own, other } = await createTwoKeys(TOOLS)

interface Farm extends StartedApp {
  readonly tree: RepositoryTree
  readonly upstream: Upstream
  /** Publishes packages upstream, signed by a key. */
  readonly publish: (key: string, ...names: string[]) => Promise<void>
  /** A file that clients trust. */
  readonly keyFile: string
}

async function startFarm(
  t: TestContext,
  keys: (upstream: Upstream) => MirrorConfig['gpgKeys'],
): Promise<Farm> {
  const dir = tempDir(t)
  const tree = new RepositoryTree(join(dir, 'upstream'))
  const publish = async (key: string, ...names: string[]) => {
    tree.add(
      ...(await buildRpms(
        names.map((name) => ({ name })),
        join(dir, 'rpms'),
      )),
    )
    await tree.publish()
    const signature = await gpg.sign(readFileSync(join(tree.dir, 'repodata/repomd.xml')), { keys: [key] })
    writeFileSync(join(tree.dir, 'repodata/repomd.xml.asc'), signature)
  }
  await publish(own, 'app')
  const keyFile = join(dir, 'KEY')
  writeFileSync(keyFile, await gpg.export([own]))
  writeFileSync(join(tree.dir, 'KEY'), await gpg.export([own]))
  const upstream = await startUpstream(t, tree.dir)
  const gpgKeys = keys(upstream) ?? []
  const app = await startApp(t, { mirrors: { m: { baseurls: [upstream.url], gpgKeys, repoGpgcheck: true } } })
  return { ...app, tree, upstream, publish, keyFile }
}

/** What dnf sees that checks the signature itself. */
async function namesSeen(t: TestContext, farm: Farm): Promise<string[]> {
  const extra = { repo_gpgcheck: '1', gpgkey: `file://${farm.keyFile}` }
  const root = new DnfRoot(tempDir(t), [{ id: 'm', baseurl: await farm.current('m'), extra }])
  const cached = await root.makecache()
  assert.equal(cached.code, 0, cached.stderr)
  const { stdout } = await root.repoquery('--queryformat=%{name}')
  return stdout.split('\n').filter(Boolean).toSorted()
}

/** The part of a mirror in the API that is about signatures. */
interface MirrorBody {
  readonly error: string | null
  readonly signature: { readonly state: string; readonly key: string; readonly owner: string }
  readonly gpg_keys: readonly {
    readonly fingerprint: string
    readonly source: string
    readonly kind: string
    readonly refusal: string | null
  }[]
  readonly gpg_problems: readonly string[]
}

async function readMirror(farm: Farm): Promise<MirrorBody> {
  const { body } = await httpGet(`${farm.url}/api/v1/mirrors/m`)
  return JSON.parse(body.toString()) as MirrorBody
}

describe('a signed repository', TOOLS, () => {
  test('is published when the key is in a file, and dnf finds it signed; what others signed is not', async (t) => {
    const armored = await gpg.export([own])
    const farm = await startFarm(t, () => [{ file: '/etc/KEY', armored }])
    await farm.sync('m')
    assert.deepEqual(await namesSeen(t, farm), ['app'])

    await farm.publish(other, 'evil')
    const refused = await farm.app.sync('m')
    assert.ok(refused.outcome === 'failed')
    const reason = `repo_gpgcheck refuses the signature of repomd.xml: it is by an unknown key: ${other}; gpgkey has ${own}`
    assert.equal(refused.error.message, reason)
    assert.deepEqual(await namesSeen(t, farm), ['app'])
    const mirror = await readMirror(farm)
    assert.equal(mirror.error, reason)
    assert.deepEqual(
      [mirror.signature.state, mirror.signature.key, mirror.signature.owner],
      ['verified', own, 'Own <own@example.org>'],
    )
    assert.deepEqual(
      mirror.gpg_keys.map(({ fingerprint, source, refusal }) => [fingerprint, source, refusal]),
      [[own, 'file', null]],
    )

    await farm.publish(own, 'more')
    await farm.sync('m')
    assert.deepEqual(await namesSeen(t, farm), ['app', 'evil', 'more'])
  })

  test('is published when the key is behind a URL, which is asked for once', async (t) => {
    const farm = await startFarm(t, ({ url }) => [{ url: `${url}KEY` }])
    assert.deepEqual((await readMirror(farm)).gpg_problems, [
      `gpgkey ${farm.upstream.url}KEY cannot be used: it was not fetched yet`,
    ])
    await farm.sync('m')
    await farm.publish(own, 'more')
    await farm.sync('m')
    assert.deepEqual(await namesSeen(t, farm), ['app', 'more'])
    assert.equal(farm.upstream.count('/KEY'), 1)
    const [key] = (await readMirror(farm)).gpg_keys
    assert.deepEqual([key?.fingerprint, key?.source, key?.kind], [own, `${farm.upstream.url}KEY`, 'rsa2048'])
  })
})
