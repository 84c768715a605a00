import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Metrics } from '../../src/system/metrics.ts'

const SOURCES = [{ mirror: 'm', source: 'http://h/', isDown: true, failures: 6 }]

test('figures are what is so when somebody asks, each with its help, and absent while unknown', async () => {
  let protectedBytes: number | undefined
  const cache = () => ({ count: 3, bytes: 700, maxBytes: 1_000, reservedBytes: 20, protectedBytes })
  const counts = { atRisk: 5, atRiskBytes: 500, lost: 1 }
  const packages = async () => [
    { mirror: 'm', ...counts, cached: 10, onDemand: 90 },
    { mirror: 'n', ...counts, cached: undefined, onDemand: undefined },
  ]
  const metrics = new Metrics('1.2.3', {
    cache,
    packages,
    sources: () => SOURCES,
    generation: async () => 7,
    views: async () => 2,
    workers: () => ({ serving: 3, restarts: 4 }),
  })
  metrics.countReload(true, 5_000)
  metrics.countReload(false, 6_000)
  metrics.countBypass()
  metrics.countRemoved('size', { count: 4, bytes: 40 })
  metrics.countRemoved('unreferenced', { count: 0, bytes: 0 })
  metrics.countCollection(9_000)
  const text = await metrics.text()
  assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(lines.toSorted(), [
    'pinyon_at_risk_bytes{mirror="m"} 500',
    'pinyon_at_risk_bytes{mirror="n"} 500',
    'pinyon_at_risk_packages{mirror="m"} 5',
    'pinyon_at_risk_packages{mirror="n"} 5',
    `pinyon_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    'pinyon_bypass_total 1',
    'pinyon_cache_blobs 3',
    'pinyon_cache_bytes 700',
    'pinyon_cache_max_bytes 1000',
    'pinyon_cache_reserved_bytes 20',
    'pinyon_config_last_reload_timestamp_seconds 5',
    'pinyon_config_ok 0',
    'pinyon_config_reloads_total{result="accepted"} 1',
    'pinyon_config_reloads_total{result="refused"} 1',
    'pinyon_evicted_bytes_total{reason="size"} 40',
    'pinyon_evicted_bytes_total{reason="unreferenced"} 0',
    'pinyon_evictions_total{reason="size"} 4',
    'pinyon_evictions_total{reason="unreferenced"} 0',
    'pinyon_gc_last_success_timestamp_seconds 9',
    'pinyon_generation 7',
    'pinyon_lost_packages{mirror="m"} 1',
    'pinyon_lost_packages{mirror="n"} 1',
    'pinyon_packages{mirror="m",state="cached"} 10',
    'pinyon_packages{mirror="m",state="on_demand"} 90',
    'pinyon_source_down{mirror="m",source="http://h/"} 1',
    'pinyon_source_failures{mirror="m",source="http://h/"} 6',
    'pinyon_views 2',
    'pinyon_worker_restarts_total 4',
    'pinyon_workers 3',
  ])
  for (const line of lines) assert.ok(text.includes(`# HELP ${line.split(/[ {]/)[0]} `), line)
  protectedBytes = 600
  assert.match(await metrics.text(), /^pinyon_cache_protected_bytes 600$/m)
})
