import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'

import { httpGet } from '../support/http-get.ts'
import { DnfRoot } from '../support/dnf.ts'
import { formatMetalink } from '../support/metalink.ts'
import { startNginx } from '../support/nginx.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// A repository as Fedora gives it out: a metalink, its first mirror dead, another one behind, a third one without a package.

const TOOLS = ['dnf', 'rpmbuild', 'createrepo_c', 'nginx'] as const

/** A port where nothing answers. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

test(
  'dnf installs from a mirror that is a metalink, whichever of its mirrors work',
  needs(...TOOLS),
  async (t) => {
    const rpms = tempDir(t)
    const old = await buildRpms([{ name: 'app', version: '1' }], rpms)
    const fresh = await buildRpms([{ name: 'app', version: '2' }, { name: 'tool' }], rpms)
    const roots = [tempDir(t), tempDir(t), tempDir(t)] as const
    // The first nginx is behind, the second has no `app`, the third has all.
    for (const [index, packages] of [old, fresh, fresh].entries()) {
      const tree = new RepositoryTree(join(roots[index] ?? '', `pub/${index}`))
      await tree.add(...packages).publish()
      if (index > 0) await tree.publish()
    }
    const repomds = [roots[2], roots[0]].map((root, index) => ({
      bytes: readFileSync(join(root, `pub/${index === 0 ? 2 : 0}/repodata/repomd.xml`)),
      timestamp: 20 - index,
    }))
    rmSync(join(roots[1], 'pub/1/Packages'), { recursive: true })
    const servers = await Promise.all(roots.map((root) => startNginx(t, root, { accessLog: true })))
    const urls = [
      `http://127.0.0.1:${await deadPort()}/pub/repodata/repomd.xml`,
      ...servers.map(({ url }, index) => `${url}pub/${index}/repodata/repomd.xml`),
    ]
    const listRoot = tempDir(t)
    mkdirSync(join(listRoot, 'metalink'))
    const list = (text: string) => {
      writeFileSync(join(listRoot, 'metalink/new'), text)
      renameSync(join(listRoot, 'metalink/new'), join(listRoot, 'metalink/repo'))
    }
    list(formatMetalink({ repomds, urls }))
    const lists = await startNginx(t, listRoot, { accessLog: true })
    const url = `${lists.url}metalink/repo?arch=x86_64`
    const app = await startApp(t, {
      mirrors: { m: { baseurls: [], list: { kind: 'metalink', url, expireMs: 1 }, retries: 1 } },
    })
    const { snapshot } = await app.sync('m')
    assert.equal(snapshot.packageCount, 2, 'the newest that is listed')
    const machine = new DnfRoot(tempDir(t), [{ id: 'm', baseurl: await app.current('m') }])
    const result = await machine.install('app', 'tool')
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(await machine.installed(), ['app-2-1.noarch', 'tool-1.0-1.noarch'])

    // Nothing new: one request, to the metalink.
    const before = [lists, ...servers].map((server) => countLines(server.accessLog()))
    assert.equal((await app.sync('m')).outcome, 'unchanged')
    await lists.stop()
    const after = [lists, ...servers].map((server) => countLines(server.accessLog()))
    assert.deepEqual(
      after.map((count, index) => count - (before[index] ?? 0)),
      [1, 0, 0, 0],
    )
    assert.equal((await app.sync('m')).outcome, 'unchanged', 'the last good list holds')

    // Nobody but an operator hears of any of it.
    const repo = await httpGet(`${await app.current('m')}/mirror.repo`)
    assert.match(repo.body.toString(), /^baseurl=http:\/\/127\.0\.0\.1:/m)
    assert.doesNotMatch(repo.body.toString(), /metalink|mirrorlist/)
    const { sources, list: state } = JSON.parse(
      (await httpGet(`${app.url}/api/v1/mirrors/m`)).body.toString(),
    ) as { sources: { baseurl: string; state: string; listed: boolean }[]; list: Record<string, string> }
    assert.equal(sources.length, 4)
    assert.ok(sources.every(({ listed }) => listed))
    assert.notEqual(
      sources[0]?.baseurl,
      urls[0]?.replace('repodata/repomd.xml', ''),
      'the dead one is not the first',
    )
    assert.match(state['error'] ?? '', /^the metalink cannot be had: /)
    assert.match(state['fetched_at'] ?? '', /^\d{4}-/)
  },
)

function countLines(text: string): number {
  return text.split('\n').length - 1
}
