import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Finding } from '../../src/cli/doctor/finding.ts'
import { holdSocket } from '../support/hold-socket.ts'
import { httpGet } from '../support/http-get.ts'
import { needs } from '../support/tools.ts'
import { createFarm } from './pinyon.ts'

test(
  'bisect and doctor name the address of a socket that was handed over, not the configured one',
  needs('python3'),
  async (t) => {
    // Nobody listens there.
    const farm = createFarm(t, ['m'], { listen: '127.0.0.1:1' })
    const names: string[] = []
    for (const name of ['a', 'b']) {
      farm.publish('m', [{ name }])
      names.push(...(await farm.sync()))
    }
    const { url } = await holdSocket(t, farm.configFile)
    assert.equal((await httpGet(`${url}/healthz`)).status, 200)
    const [good = '', bad = ''] = names
    const run = ['--check-ends', '--run', 'echo URL $PINYON_BASEURL']
    assert.match(
      (await farm.run('bisect', 'm', good, bad, ...run)).stderr,
      new RegExp(`^URL ${url}/repos/yum/m/${good}$`, 'm'),
    )
    const { findings } = JSON.parse((await farm.run('doctor', '--json')).stdout) as { findings: Finding[] }
    assert.equal(findings.find(({ check }) => check === 'server')?.found, `runs on ${url}`)
  },
)
