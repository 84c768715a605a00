import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { pino } from 'pino'

import { RunningConfig } from '../../src/app/running-config.ts'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/load.ts'
import { PinyonError } from '../../src/model/errors.ts'

function parse(mirror: string): Config {
  return parseConfig(
    '/etc/pinyon.yaml',
    `data_dir: /d\nmirrors: { ${mirror}: { baseurl: http://h.example/ } }\n`,
    {},
  )
}

/** A configuration file with another mirror than runs, and a store that may have no room. */
function start(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const stop = new AbortController()
  const site = { isFull: true, onDisk: 'new', lines: [] as string[], taken: [] as boolean[], loads: 0, stop }
  const running = new RunningConfig({
    config: parse('old'),
    load: () => {
      site.loads += 1
      return parse(site.onDisk)
    },
    store: {
      reconcile: async () => {
        if (site.isFull) throw new PinyonError('STORE_FAILED', 'no space is left in data_dir')
        return undefined
      },
    },
    now: () => 0,
    log: pino({ level: 'error' }, { write: (line: string) => void site.lines.push(line) }),
    adopt: async () => undefined,
    onTaken: (accepted) => void site.taken.push(accepted),
    signal: stop.signal,
  })
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms)
    for (let turns = 0; turns < 5; turns += 1) await nextTurn()
  }
  return { site, running, pass, names: () => [...running.current.mirrors.keys()] }
}

test('a valid configuration that the disk had no room for is taken up once it has, and logged once', async (t) => {
  const { site, running, pass, names } = start(t)
  await assert.rejects(running.take(), { code: 'STORE_FAILED' })
  await pass(10_000)
  assert.equal(running.refusal, 'no space is left in data_dir')
  assert.deepEqual([names(), site.taken], [['old'], [false, false]])
  assert.equal(site.lines.length, 1)
  site.isFull = false
  await pass(10_000)
  assert.equal(running.refusal, undefined)
  assert.deepEqual([names(), site.taken], [['new'], [false, false, true]])
  await pass(60_000)
  assert.equal(site.loads, 3)
})

test('what is taken up meanwhile ends the tries, and so does the end of the server', async (t) => {
  const { site, running, pass } = start(t)
  await assert.rejects(running.take())
  site.isFull = false
  await running.take()
  await pass(60_000)
  assert.equal(site.loads, 2)
  site.isFull = true
  site.stop.abort()
  await assert.rejects(running.take())
  await pass(60_000)
  assert.equal(site.loads, 3)
})

test('a configuration that is wrong waits for whoever mends it', async (t) => {
  const { site, running, pass } = start(t)
  site.isFull = false
  site.onDisk = '{'
  await assert.rejects(running.take(), { code: 'CONFIG_INVALID' })
  await pass(60_000)
  assert.equal(site.loads, 1)
})
