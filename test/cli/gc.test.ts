import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import { formatReport } from '../../src/cli/gc.ts'
import { NO_BLOBS, type GcReport } from '../../src/snapshot/gc/gc-report.ts'
import { createFarm } from './pinyon.ts'

const HOUR_MS = 3_600_000
const MANY = { count: 66_780, bytes: 19_278_000_000 }

const REPORT: GcReport = {
  dryRun: false,
  wallDoubt: undefined,
  snapshots: [{ mirror: 'm', name: '2026-01-01-00-00', goes: true, reasons: ['older than 14 d'] }],
  packageRows: 0,
  blobs: {
    total: { count: 10, bytes: 1_000 },
    maxBytes: 2_000,
    repodata: NO_BLOBS,
    onlyHere: NO_BLOBS,
    fetchable: NO_BLOBS,
    recent: NO_BLOBS,
    unlisted: MANY,
    evicted: NO_BLOBS,
    deleting: MANY,
  },
  fits: true,
}

test('gc tells what is still being deleted, and says that it is gone only when it is', () => {
  const going = formatReport(REPORT)
  assert.match(going, /^1 of 1 snapshot went\./)
  assert.match(going, /^ *going: unlisted +66780 /m)
  assert.match(going, /^66780 files, .*, are still being deleted in the background; `gc --wait` waits/m)
  assert.match(going, / will then be in use\.\n$/)
  const gone = formatReport({ ...REPORT, blobs: { ...REPORT.blobs, deleting: NO_BLOBS } })
  assert.match(gone, /^ *gone: unlisted +66780 /m)
  assert.doesNotMatch(gone, /still being deleted/)
  assert.match(gone, / are in use\.\n$/)
})

test('gc says that the clock is in doubt, and what ends that', () => {
  const wallDoubt = { aheadMs: 365 * 24 * HOUR_MS + 1, believedInMs: 23 * HOUR_MS }
  assert.match(
    formatReport({ ...REPORT, wallDoubt }),
    /^The system's clock is 365d ahead of the time that passed .* until it is set right, or 23h have passed\.\n\n1 of 1/,
  )
})

test('gc --dry-run without a server takes the configuration for being in force, and changes nothing', async (t) => {
  const retention = { keep: 1, max_age: '1s', keep_used: '1s' }
  const farm = createFarm(t, ['old-name', 'b'], { retention })
  farm.publish('old-name', [])
  const names: string[] = []
  for (const version of ['1', '2', '3']) {
    farm.publish('b', [{ name: 'p', version }])
    await farm.sync('old-name')
    names.push(...(await farm.sync('b')))
  }
  const [first = ''] = names
  const tell = async () =>
    await Promise.all(
      [
        ['generations', '--json'],
        ['snapshots', 'b', '--json'],
        // Why a snapshot is kept is the hour's as well.
      ].map(async (args) => (await farm.run(...args)).stdout.replaceAll(/"kept_because": \[[^\]]*\]/g, '')),
    )
  const before = await tell()
  const text = readFileSync(farm.configFile, 'utf8')
  const pinned = text.replace('"old-name":', '"new-name":').replace('"b":{', `"b":{"pin":"${first}",`)
  writeFileSync(farm.configFile, pinned)
  const { code, stdout, stderr } = await farm.run('gc', '--dry-run')
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, new RegExp(`b +${first} +current, pinned`))
  assert.match(stdout, /old-name .* current until its mirror left the index/)
  writeFileSync(farm.configFile, pinned.replace(first, '2016-01-01-01-01'))
  const refused = await farm.run('gc', '--dry-run')
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /^\S+pinyon\.yaml:1: mirrors\.b\.pin: found 2016-01-01-01-01, expected one of its snapshots, .*\n$/,
  )
  writeFileSync(farm.configFile, text)
  assert.deepEqual(await tell(), before)
})
