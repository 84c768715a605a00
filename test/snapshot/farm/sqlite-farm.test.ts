import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { GcReport } from '../../../src/snapshot/gc/gc-report.ts'
import type { SyncCheck } from '../../../src/snapshot/farm/farm.ts'
import { startDemoFarm } from '../../dashboard/demo-farm.ts'
import { DEMO_NOW } from '../../dashboard/demo-mirrors.ts'
import { startPublishingFarm } from '../../support/publishing-farm.ts'

const MINUTE_MS = 60_000

function check(minute: number, more: Partial<SyncCheck> = {}): SyncCheck {
  const startedAt = DEMO_NOW + minute * MINUTE_MS
  const facts = { durationMs: 5, actor: 'schedule', bytes: 0, snapshot: undefined, reason: undefined }
  return { mirror: 'epel-el9', startedAt, outcome: 'unchanged', ...facts, ...more }
}

describe('what pages are read from', () => {
  test('says of every snapshot why it is kept, as a collection does', async (t) => {
    const { app, url } = await startDemoFarm(t)
    for (const name of ['job-1', 'job-2']) await fetch(`${url}/repos/views/${name}/all_latest.json`)
    const report: GcReport = await app.collector.collect({ dryRun: true, wait: true })
    const collected = new Map(
      report.snapshots.map(({ mirror, name, reasons }) => [`${mirror} ${name}`, reasons]),
    )
    const mirrors = await app.store.farm.mirrors(DEMO_NOW)
    let compared = 0
    for (const mirror of mirrors)
      for (const { name, kept } of await app.store.farm.snapshots(mirror, app.config.retention, DEMO_NOW)) {
        assert.deepEqual(kept, collected.get(`${mirror.name} ${name}`), `${mirror.name} ${name}`)
        compared += 1
      }
    assert.equal(compared, report.snapshots.length)
  })

  test('counts the looks upstream that follow each other and come to the same as one', async (t) => {
    const { app } = await startDemoFarm(t)
    const { farm } = app.store
    const failed = { outcome: 'failed', reason: 'timed out' } as const
    const checks = [
      check(1),
      check(2),
      check(3, failed),
      check(4, failed),
      check(5, { ...failed, reason: 'other' }),
    ]
    for (const one of checks) await farm.recordCheck(one)
    const found = await farm.checks({ mirror: 'epel-el9', limit: 3 })
    assert.deepEqual(
      found.map(({ times, outcome, reason }) => [times, outcome, reason]),
      [
        [1, 'failed', 'other'],
        [2, 'failed', 'timed out'],
        [2, 'unchanged', undefined],
      ].map((row, at) => (at === 2 ? [found[2]?.times, ...row.slice(1)] : row)),
    )
    await farm.recordCheck(check(15 * 24 * 60))
    assert.equal((await farm.checks({ mirror: 'epel-el9', limit: 9 })).length, 1)
    await farm.recordCheck(check(1, { mirror: 'none' }))
  })

  test('knows by how much a snapshot differs from the one before, as their diff says', async (t) => {
    const publishing = await startPublishingFarm(t, ['m'])
    await publishing.publish()
    const { farm } = publishing.app.store
    const [mirror] = await farm.mirrors(DEMO_NOW)
    assert.ok(mirror)
    const [newest, first] = await farm.snapshots(mirror, publishing.app.config.retention, DEMO_NOW)
    assert.equal(first?.changes, undefined)
    const { summary } = (await (
      await fetch(`${publishing.url}/api/v1/mirrors/m/diff?from=${first?.name}&to=${newest?.name}`)
    ).json()) as { summary: Record<string, number> }
    const { advisories: _, ...counts } = summary
    assert.deepEqual(newest?.changes, counts)
    assert.deepEqual(
      (await farm.checks({ limit: 9 })).map(({ outcome, snapshot }) => [outcome, snapshot]),
      [
        ['published', newest?.name],
        ['published', first?.name],
      ],
    )
  })

  test('finds packages by a part of name, version or path, and by their whole name in the farm', async (t) => {
    const { app } = await startDemoFarm(t)
    const { farm } = app.store
    const mirror = (await farm.mirrors(DEMO_NOW)).find(({ name }) => name === 'epel-el9')
    assert.ok(mirror)
    const seq = mirror.current?.seq ?? 0
    const { packages, isComplete } = await farm.packages(mirror.id, { text: 'PODMAN-5', seq, limit: 50 })
    assert.deepEqual([packages.length, packages[0]?.name, isComplete], [1, 'podman', true])
    const some = await farm.packages(mirror.id, { text: 'p', limit: 5 })
    assert.deepEqual([some.packages.length, some.isComplete], [5, false])
    const first = await farm.find('podman', { after: 0, limit: 10, budgetMs: 10_000 })
    const rest = await farm.find('podman', { after: first.next ?? 0, limit: 100, budgetMs: 10_000 })
    const mirrors = [...first.hits, ...rest.hits].map((hit) => hit.mirror)
    assert.deepEqual([new Set(mirrors).size, mirrors.length, rest.next], [17, 17, undefined])
    assert.ok((await farm.find('podman', { after: 0, limit: 9, budgetMs: -1 })).next !== undefined)
  })
})
