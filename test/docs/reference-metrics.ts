import { formatTable, GENERATED } from './markdown.ts'
import { METRIC_NAMES, fullName, metricOf } from '../../src/system/metric-table.ts'

/** The most values of a label that are told one by one. */
const MAX_VALUES = 16

/** Every metric of the table, in its order. */
export function formatMetricReference(): string {
  const rows = METRIC_NAMES.map((name) => {
    const { type, labels, help } = metricOf(name)
    return [`\`${fullName(name)}\``, type, Object.entries(labels).map(describeLabel).join(', '), help]
  })
  return [
    GENERATED,
    '# Metrics',
    'What `/metrics` tells Prometheus. Labels come from closed lists and from the configuration: neither clients nor packages make more of them. What to do with them: [Seeing how it does](../observability.md).',
    formatTable(['name', 'type', 'labels', 'what it tells'], rows),
  ].join('\n\n')
}

function describeLabel([label, values]: readonly [string, readonly string[] | string]): string {
  return typeof values === 'string' || values.length > MAX_VALUES
    ? `\`${label}\``
    : `\`${label}\` (${values.join(', ')})`
}
