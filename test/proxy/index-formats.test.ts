import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { refuseMirrorName } from '../../src/model/mirror-name.ts'
import { formatIndex, indexFormatOf, INDEX_FORMATS } from '../../src/proxy/index-formats.ts'
import type { Index, Snapshot } from '../../src/snapshot/store.ts'
import { runCommand } from '../support/run-command.ts'
import { needs, SYSTEM_PYTHON } from '../support/tools.ts'

const SNAPSHOT = '2021-12-07-09-29'

/** What YAML 1.1 would take for something other than a string, and what it would choke on. */
const YAML_TRAPS = [
  'no',
  'Yes',
  'ON',
  'n',
  'null',
  '~',
  '1',
  '1.5',
  '0x1F',
  '1e3',
  '2021-12-07',
  '-',
  '-a',
  '.inf',
].concat([
  '@a',
  'true',
  '12_3',
  '+1',
  '.nan',
  '0o7',
  '1.',
  '.5',
  '--',
  '-.inf',
  '2001-01-01.x',
  'Off',
  'nUlL',
])

function indexOf(names: readonly string[]): Index {
  const current = new Map(names.map((name) => [name, { name: SNAPSHOT, mirror: name } as Snapshot]))
  return { generation: 1, createdAt: 0, current }
}

/** The index as an object, which every reader has to find in it. */
function expected(names: readonly string[], base: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, `${base}/repos/yum/${name}/${SNAPSHOT}`]))
}

describe('the formats of the index', () => {
  const two = indexOf(['centos-base-el7', 'epel-el7'])
  const golden: readonly (readonly [keyof typeof GOLDEN, Index])[] = [
    ['none', indexOf([])],
    ['one', indexOf(['epel-el7'])],
    ['two', two],
  ]
  for (const [amount, index] of golden)
    for (const format of INDEX_FORMATS)
      void test(`${format} of ${amount} is that of the first implementation`, () =>
        assert.equal(formatIndex(index, format, 'http://HOST'), GOLDEN[amount][format]))

  test('are told by the file name alone', () => {
    assert.deepEqual(
      ['all_latest.json', 'all_latest.yaml', 'all_latest.py', 'all_latest.html'].map(indexFormatOf),
      INDEX_FORMATS,
    )
    for (const name of [
      'all_latest',
      'all_latest.',
      'all_latest.JSON',
      'all_latest.txt',
      'x/all_latest.json',
    ])
      assert.equal(indexFormatOf(name), undefined)
  })

  test('quote what YAML would misread', () => {
    const lines = formatIndex(indexOf(YAML_TRAPS), 'yaml', 'http://h').split('\n').slice(2, -1)
    assert.deepEqual(
      lines.map((line) => line.split(': ')[0]),
      YAML_TRAPS.map((name) => `  '${name}'`),
    )
  })

  test('survive a quote in public_url', () => {
    for (const format of ['yaml', 'py'] as const)
      assert.match(formatIndex(two, format, "http://h/it's"), /'http:\/\/h\/it%27s\/repos/)
    assert.match(formatIndex(two, 'html', 'http://h/a&b'), /<td>http:\/\/h\/a&amp;b\/repos/)
  })

  test('say the same to python, whatever the names are', needs('python3-yaml'), async () => {
    const character = fc.constantFrom(...'abcxyzABCNOYEfn0123456789._+@~-'.split(''))
    const name = fc
      .string({ unit: character, minLength: 1, maxLength: 12 })
      .filter((text) => refuseMirrorName(text) === undefined)
    const sets = fc.sample(fc.uniqueArray(name, { maxLength: 40 }), { seed: 7, numRuns: 40 })
    const base = "http://mirrors.example.org:8080/it's"
    const cases = [...sets, YAML_TRAPS, []].map((names) => ({
      texts: INDEX_FORMATS.slice(0, 3).map((format) => formatIndex(indexOf(names), format, base)),
      expected: expected(names, base.replace("'", '%27')),
    }))
    const { code, stderr } = await runCommand(SYSTEM_PYTHON, ['-c', PYTHON_READER], {
      input: JSON.stringify(cases),
    })
    assert.equal(code, 0, stderr)
  })
})

const PYTHON_READER = `
import json, sys, yaml
for case in json.load(sys.stdin):
    as_json, as_yaml, as_py = case['texts']
    scope = {}
    exec(as_py, scope)
    read = [json.loads(as_json), yaml.safe_load(as_yaml), {'latest_ci_repos': scope['latest_ci_repos']}]
    for found in read:
        assert found == {'latest_ci_repos': case['expected']}, (found, case['expected'])
`

const URL_EPEL = `http://HOST/repos/yum/epel-el7/${SNAPSHOT}`
const URL_BASE = `http://HOST/repos/yum/centos-base-el7/${SNAPSHOT}`
const HTML_HEAD =
  '<html><head>Latest repo snapshots</head><body>\n<table border=1>\n<tr><th>Repo Name</th> <th>Repo URL</th></tr>\n'
const HTML_END = '</table>\n</body></html>\n'

const GOLDEN = {
  none: {
    json: '{ "latest_ci_repos": {\n\n} }\n',
    yaml: '---\nlatest_ci_repos: {}\n',
    py: 'latest_ci_repos = {\n}\n',
    html: `${HTML_HEAD}${HTML_END}`,
  },
  one: {
    json: `{ "latest_ci_repos": {\n  "epel-el7": "${URL_EPEL}"\n} }\n`,
    yaml: `---\nlatest_ci_repos:\n  epel-el7: '${URL_EPEL}'\n`,
    py: `latest_ci_repos = {\n    'epel-el7': '${URL_EPEL}',\n}\n`,
    html: `${HTML_HEAD}<tr>\n<td>epel-el7</td> <td>${URL_EPEL}</td>\n</tr>\n${HTML_END}`,
  },
  two: {
    json: `{ "latest_ci_repos": {\n  "centos-base-el7": "${URL_BASE}",\n  "epel-el7": "${URL_EPEL}"\n} }\n`,
    yaml: `---\nlatest_ci_repos:\n  centos-base-el7: '${URL_BASE}'\n  epel-el7: '${URL_EPEL}'\n`,
    py: `latest_ci_repos = {\n    'centos-base-el7': '${URL_BASE}',\n    'epel-el7': '${URL_EPEL}',\n}\n`,
    html: `${HTML_HEAD}<tr>\n<td>centos-base-el7</td> <td>${URL_BASE}</td>\n</tr>\n<tr>\n<td>epel-el7</td> <td>${URL_EPEL}</td>\n</tr>\n${HTML_END}`,
  },
} as const
