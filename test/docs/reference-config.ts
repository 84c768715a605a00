import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { configKeys, configSchema, DEFAULTS } from '../../src/config/schema.ts'
import { readExplainedKeys } from './explained-keys.ts'
import { formatTable, GENERATED } from './markdown.ts'

const ALL_KEYS = new URL('../../config/examples/all-keys.yaml', import.meta.url)

/** Nothing that any key takes. */
const NOTHING_USABLE = [[]] as const

/** Every key of the configuration: what it takes and its default as the schema has them, and what `all-keys.yaml` says of it. */
export function formatConfigReference(): string {
  const { top, mirror, ...groups } = configKeys()
  const paths = [
    ...top.map((key) => key),
    ...Object.entries(groups).flatMap(([group, keys]) => keys.map((key) => `${group}.${key}`)),
    ...mirror.map((key) => `mirrors.${key}`),
  ]
  const explained = new Map(
    readExplainedKeys(readFileSync(ALL_KEYS, 'utf8'), new Set(paths)).map(({ path, text }) => [path, text]),
  )
  const row = (path: string) => {
    const [key = '', group] = path.split('.').toReversed()
    return [
      `\`${key}\``,
      `\`${describeDefault(group, key)}\``.replace('``', ''),
      expectedOf(group, key),
      explained.get(path) ?? '',
    ]
  }
  const table = (keys: readonly string[]) =>
    formatTable(['key', 'default', 'takes', ''], keys.map(row)).replaceAll(/ {2,}/g, ' ')
  const simple = top.filter((key) => !(key in groups) && key !== 'mirrors')
  const titled = Object.entries(groups).map(
    ([group, keys]) =>
      `## ${group}\n\n${explained.get(group) ?? ''}\n\n${table(keys.map((key) => `${group}.${key}`))}`,
  )
  assert.ok(explained.size > 0)
  return [
    GENERATED,
    '# Configuration keys',
    "Keys, what they take and their defaults are the schema's; the explanations are those of [all-keys.yaml](../../config/examples/all-keys.yaml). `pinyon check-config` prints what a file comes to, and names every mistake with its line. `tokens` and `hosts` are mappings by a name of your own; the keys below are those of an entry.",
    `## At the top\n\n${table(simple)}`,
    ...titled,
    `## A mirror\n\n${explained.get('mirrors') ?? ''}\n\n${table(mirror.map((key) => `mirrors.${key}`))}`,
  ].join('\n\n')
}

/** The message of the schema's refusal is what it takes. */
function expectedOf(group: string | undefined, key: string): string {
  const entry = { [key]: NOTHING_USABLE }
  const named = group === 'tokens' || group === 'hosts' || group === 'mirrors'
  const file = group === undefined ? entry : { [group]: named ? { name: entry } : entry }
  const result = configSchema('/pinyon.yaml').safeParse(file)
  const issue = result.error?.issues.find(({ path }) => path.includes(key))
  return issue?.message ?? ''
}

function describeDefault(group: string | undefined, key: string): string {
  const defaults: Readonly<Record<string, unknown>> = DEFAULTS
  const from = group === undefined || group === 'mirrors' ? defaults : (defaults[group] as typeof defaults)
  const found = Object.hasOwn(from, key) ? from[key] : undefined
  if (found === undefined || group === 'hosts' || group === 'tokens') return ''
  return typeof found === 'string' ? found : typeof found === 'object' ? '' : JSON.stringify(found)
}
