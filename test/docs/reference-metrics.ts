import type { TestContext } from 'node:test'

import { Registry, type Metric } from 'prom-client'

import { formatTable, GENERATED } from './markdown.ts'
import { startApp } from '../support/start-app.ts'

/** What prom-client keeps of a metric. */
interface KnownMetric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames: readonly string[]
}

/** Every figure that a running server registers, in the order of names. */
export async function formatMetricReference(t: TestContext): Promise<string> {
  const known = await collectMetrics(t)
  const rows = known.map(({ name, help, type, labelNames }) => [
    `\`${name}\``,
    type,
    labelNames.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  return [
    GENERATED,
    '# Metrics',
    'What `/metrics` tells Prometheus. Labels come from closed lists: neither clients nor packages make more of them.',
    formatTable(['name', 'type', 'labels', 'what it tells'], rows),
  ].join('\n\n')
}

/** Whatever a server, wherever in it, registers while it starts and is asked. */
async function collectMetrics(t: TestContext): Promise<readonly KnownMetric[]> {
  const found = new Map<string, KnownMetric>()
  // oxlint-disable-next-line unbound-method -- it is called with the registry as `this`
  const register = Registry.prototype.registerMetric
  t.after(() => (Registry.prototype.registerMetric = register))
  Registry.prototype.registerMetric = function registerMetric(metric: Metric) {
    const one = metric as unknown as KnownMetric
    found.set(one.name, one)
    Reflect.apply(register, this, [metric])
  }
  const { url } = await startApp(t, { mirrors: {} })
  await (await fetch(`${url}/metrics`)).text()
  Registry.prototype.registerMetric = register
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
