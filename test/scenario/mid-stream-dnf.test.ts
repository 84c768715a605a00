import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LogRecorder } from '../http/log-recorder.ts'
import { DnfRoot } from '../support/dnf.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { startApp } from '../support/start-app.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import { startUpstream } from '../support/upstream.ts'

// What upstream does in the middle of a package, dnf does not notice: one request, one answer, one installed package.

const SIZE = 1_000_000
const CUT = 600_000

const TROUBLE: readonly [string, Behaviour, Behaviour][] = [
  ['one source resets at 60 %, the other has the rest', { cutAt: CUT, reset: true }, {}],
  [
    'one source resets at 60 %, the other knows no ranges',
    { cutAt: CUT, reset: true },
    { ranges: 'ignored' },
  ],
  ['one source lies in its last kilobytes, the other does not', { flipByteAt: SIZE - 1_000 }, {}],
  ['one source ends early, the other is dead', { shortenTo: CUT }, { hangUp: true }],
]

for (const [what, first, second] of TROUBLE)
  test(`dnf installs by one request though ${what}`, needs('dnf', 'rpmbuild', 'createrepo_c'), async (t) => {
    const tree = new RepositoryTree(tempDir(t))
    tree.add(...(await buildRpms([{ name: 'big', sizeBytes: SIZE }], tempDir(t))))
    await tree.publish()
    const sources = [await startUpstream(t, tree.dir), await startUpstream(t, tree.dir)]
    const log = new LogRecorder()
    const baseurls = sources.map(({ url }) => url)
    const app = await startApp(t, { mirrors: { m: { baseurls } }, log: log.logger })
    await app.sync('m')
    for (const [index, behaviour] of [first, second].entries()) {
      const source = sources[index]
      if (source) source.rules = [{ match: '.rpm', times: index === 0 ? 1 : Infinity, ...behaviour }]
    }
    const machine = new DnfRoot(tempDir(t), [{ id: 'm', baseurl: await app.current('m') }])
    const result = await machine.install('big')
    assert.equal(result.code, 0, result.stderr)
    assert.deepEqual(await machine.installed(), ['big-1.0-1.noarch'])
    const requests = log.of('request').filter(({ target }) => String(target).endsWith('.rpm'))
    assert.deepEqual(
      requests.map(({ status, outcome }) => [status, outcome]),
      [[200, 'fill']],
    )
  })
