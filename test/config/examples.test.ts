import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { configKeys, DEFAULTS } from '../../src/config/schema.ts'
import { ConfigFile } from './support.ts'

const CONFIG = fileURLToPath(new URL('../../config/', import.meta.url))
const EXAMPLES = `${CONFIG}examples/`
/** What the examples ask of the environment. */
const ENV = { PROXY_PASSWORD: 'secret' }
/** Keys that are shown as comments: their files, or what they stand beside, need not be there. */
const SHOWN_ONLY = [
  'max_parallel_downloads',
  'sslcacert',
  'sslclientcert',
  'sslclientkey',
  'username',
  'password',
  'bearer_token',
  'proxy_username',
  'proxy_password',
  'proxy_sslcacert',
  'proxy_sslclientcert',
  'proxy_sslclientkey',
  'arches',
]
/** Keys without a default; all-keys.yaml calls them examples. */
const WITHOUT_DEFAULT = new Set([
  'public_url',
  'baseurl',
  'metalink',
  'mirrorlist',
  'fallback',
  'xml_base',
  'extra_files',
  'mirrors',
  'pin',
  'gpgkey',
  'gpgcheck',
])

describe('config/examples', () => {
  for (const name of readdirSync(EXAMPLES).filter((file) => file.endsWith('.yaml'))) {
    test(`${name} loads, and follows upstream`, () => {
      const { mirrors } = loadConfig(EXAMPLES + name, ENV)
      assert.ok(mirrors.size > 0)
      for (const { name, baseurls } of mirrors.values()) {
        for (const baseurl of baseurls) assert.match(baseurl, /^https:\/\/[a-z.]+\.org\/.+\/$/, name)
      }
    })
  }

  test('all-keys.yaml has every key, each with its default', () => {
    const text = readFileSync(`${EXAMPLES}all-keys.yaml`, 'utf8')
    const { mirrors, ...top } = parse(text) as { mirrors: Record<string, Record<string, unknown>> }
    const [mirror = {}] = Object.values(mirrors)
    const keys = configKeys()
    assert.deepEqual(Object.keys({ ...top, mirrors }), keys.top)
    assert.deepEqual(
      Object.keys(mirror),
      keys.mirror.filter((key) => !SHOWN_ONLY.includes(key)),
    )
    for (const key of SHOWN_ONLY) assert.match(text, new RegExp(`^    # ${key}: `, 'm'))
    const defaults: Record<string, unknown> = DEFAULTS
    for (const [key, value] of Object.entries({ ...top, ...mirror })) {
      if (!WITHOUT_DEFAULT.has(key)) assert.deepEqual(value, defaults[key], key)
    }
  })

  test('all-keys.yaml gives what a file without these keys gives', (t) => {
    const all = loadConfig(`${EXAMPLES}all-keys.yaml`, {})
    const [first] = all.mirrors.values()
    assert.ok(first?.pin !== undefined && first.pinLine !== undefined && first.pinWhy !== undefined)
    assert.ok(first.fallbacks.length > 1)
    assert.deepEqual([first.gpgKeys?.length, first.gpgcheck], [1, true])
    const { pin: _pin, pinLine: _line, pinWhy: _why, gpgKeys: _keys, gpgcheck: _check, ...others } = first
    const { list, variables, ...rest } = others
    assert.deepEqual([list?.kind, variables], ['metalink', new Map([['infra', 'stock']])])
    const { name, baseurls, fallbacks: _fallbacks, xmlBases, extraFiles, ...mirror } = rest
    assert.deepEqual([xmlBases?.length, extraFiles?.length], [1, 4])
    const bare = new ConfigFile(t).load(`mirrors: {${name}: {baseurl: ${JSON.stringify(baseurls)}}}`)
    assert.deepEqual(bare.mirrors.get(name), { name, baseurls, fallbacks: [], ...mirror })
    assert.deepEqual(globalKeys(bare), globalKeys(all))
  })
})

function globalKeys({ listen, syncIntervalMs, policy, warmWindowMs, prefetch }: Config): object {
  return { listen, syncIntervalMs, policy, warmWindowMs, prefetch }
}

describe('config/pinyon.yaml', () => {
  test('serves the sample repository, from any working directory', () => {
    const { listen, dataDir, mirrors } = loadConfig(`${CONFIG}pinyon.yaml`, {})
    assert.deepEqual(listen, { host: '127.0.0.1', port: 8080 })
    assert.equal(dataDir, fileURLToPath(new URL('../../data', import.meta.url)))
    assert.deepEqual([...mirrors.keys()], ['sample'])
    assert.deepEqual(mirrors.get('sample')?.baseurls, [new URL('../../config/sample/', import.meta.url).href])
  })
})
