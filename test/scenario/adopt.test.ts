import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { parseRepomd } from '../../src/repodata/repomd.ts'
import { pinyon } from '../cli/pinyon.ts'
import { DnfRoot } from '../support/dnf.ts'
import { httpGet } from '../support/http-get.ts'
import { OldMirrorTree } from '../support/old-tree.ts'
import { buildRpms } from '../support/rpm.ts'
import { startServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// The old server's tree, made as its scripts made it, is taken over beside a running pinyon; then the tree and every upstream are gone.

const SNAPSHOTS = ['2018-11-06-02-13', '2018-11-15-02-14', '2021-12-07-09-29'] as const
const VERSIONS = ['1.0', '1.1', '2.0']

test(
  'dnf installs old versions through old URLs, of mirrors that are configured and that are not',
  needs('dnf', 'rpmbuild', 'createrepo_c'),
  async (t) => {
    const mirrors = { 'epel-el7': { baseurl: 'http://127.0.0.1:9/', retries: 0 } }
    const server = await startServer(t, { mirrors })
    const root = join(tempDir(t), 'yum')
    const names = ['epel-el7', 'old-el6']
    for (const name of names) {
      const tree = new OldMirrorTree(root, name)
      for (const [index, snapshot] of SNAPSHOTS.entries()) {
        const specs = [
          { name: 'app', version: VERSIONS[index] ?? '', requires: ['lib'] },
          ...(index === 0 ? [{ name: 'lib', version: '1' }] : []),
        ]
        tree.add(...(await buildRpms(specs, tempDir(t))))
        await tree.publish(snapshot, server.url)
      }
    }

    const adopted = await pinyon(['adopt', root, '--config', server.configFile])
    assert.equal(adopted.code, 0, adopted.stderr)
    for (const name of names)
      assert.match(
        adopted.stdout,
        new RegExp(`^${name}: adopted 3 snapshots, ${SNAPSHOTS[0]} to ${SNAPSHOTS[2]}\n`, 'm'),
      )
    assert.match(adopted.stdout, /^ {2}old-el6 is not in .*pinyon\.yaml/m)
    assert.doesNotMatch(adopted.stdout, /epel-el7 is not in/)
    rmSync(root, { recursive: true })

    for (const name of names)
      for (const [index, snapshot] of SNAPSHOTS.entries()) {
        const baseurl = `${server.url}/repos/yum/${name}/${snapshot}`
        const machine = new DnfRoot(tempDir(t), [{ id: name, baseurl }])
        const result = await machine.install('app')
        assert.equal(result.code, 0, result.stderr)
        assert.deepEqual(await machine.installed(), [`app-${VERSIONS[index]}-1.noarch`, 'lib-1-1.noarch'])
      }
    const index = (await httpGet(`${server.url}/repos/yum/all_latest.json`)).body.toString()
    assert.deepEqual(JSON.parse(index), {
      latest_ci_repos: { 'epel-el7': `${server.url}/repos/yum/epel-el7/${SNAPSHOTS[2]}` },
    })
    const { stdout } = await pinyon(['generations', '--json', '--config', server.configFile])
    assert.deepEqual(
      (JSON.parse(stdout) as { generations: { cause: string }[] }).generations.map(({ cause }) => cause),
      ['adopt'],
    )
  },
)

test(
  'adopting once more changes no byte and no header of anything',
  needs('rpmbuild', 'createrepo_c'),
  async (t) => {
    const server = await startServer(t, { mirrors: { m: { baseurl: 'http://127.0.0.1:9/', retries: 0 } } })
    const root = tempDir(t)
    const tree = new OldMirrorTree(root, 'm')
    for (const [index, snapshot] of SNAPSHOTS.entries()) {
      tree.add(...(await buildRpms([{ name: 'app', version: VERSIONS[index] ?? '' }], tempDir(t))))
      await tree.publish(snapshot, server.url)
    }
    const adopt = async () => await pinyon(['adopt', root, '--config', server.configFile])
    assert.equal((await adopt()).code, 0)
    const before = await readAll(server.url)
    assert.equal(before.size, 2 + 3 * (1 + 3) + 3 * 3)
    for (const [url, { status }] of before) assert.equal(status, 200, url)
    const again = await adopt()
    assert.deepEqual([again.code, again.stderr], [0, ''])
    assert.match(
      again.stdout,
      /^m: nothing new; 3 snapshots there already\n {2}3 packages: 0 copied .*3 there already/,
    )
    assert.deepEqual(await readAll(server.url), before)
  },
)

interface Seen {
  readonly status: number
  readonly headers: unknown
  readonly body: string
}

/** Every answer that there is for a client of the mirror `m`: index, repodata, packages under each snapshot and under `base`. */
async function readAll(url: string): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>()
  const read = async (path: string) => {
    const reply = await httpGet(`${url}/repos/yum/${path}`)
    const headers = reply.rawHeaders.filter(([name]) => name !== 'Date' && name !== 'X-Request-Id')
    seen.set(path, { status: reply.status, headers, body: reply.body.toString('latin1') })
    return reply.body
  }
  await read('all_latest.json')
  await read('m/latest.txt')
  for (const [index, snapshot] of SNAPSHOTS.entries()) {
    const repomd = parseRepomd(await read(`m/${snapshot}/repodata/repomd.xml`))
    for (const { href } of repomd.records) await read(`m/${snapshot}/${href}`)
    for (const version of VERSIONS.slice(0, index + 1)) {
      await read(`m/${snapshot}/Packages/app-${version}-1.noarch.rpm`)
      await read(`m/base/Packages/app-${version}-1.noarch.rpm`)
    }
  }
  return seen
}
