import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { injectConfig, type ProxyRule } from '../../src/inject/inject.ts'
import { chooseProxy } from '../../src/inject/proxy-rule.ts'
import { mapOf } from '../support/injection.ts'
import { runCommand } from '../support/run-command.ts'
import { needs, SYSTEM_PYTHON } from '../support/tools.ts'

interface Case {
  readonly text: string
  readonly mirrors: Readonly<Record<string, string>>
  readonly before: Readonly<Record<string, readonly (readonly [string, string])[]>>
  readonly proxy: ProxyRule
}

/** Sections with their keys and values. */
type Reading = Readonly<Record<string, Readonly<Record<string, string>>>>

/** What the rule makes of each case, and what our result says, as Python's ConfigParser reads both. */
const ORACLE = `
import configparser, io, json, re, sys

def read(text):
    parser = configparser.RawConfigParser(strict=False)
    parser.read_file(io.StringIO(text, newline=None))
    tidy = lambda value: '\\n'.join(line.strip() for line in value.split('\\n') if line.strip())
    return {section: {key: tidy(value) for key, value in parser.items(section)} for section in parser.sections()}

def no_proxy(name, rule):
    if rule != 'auto': return rule
    suffix = re.search('-(fc|el)([0-9]+)$', name)
    if suffix and (suffix[1] == 'el' or int(suffix[2]) < 29): return '_none_'
    return 'None'

def expect(case):
    sections = read(case['text'])
    urls = {name: case['mirrors'][name] for name in sections if name in case['mirrors']}
    for name in list(sections):
        for inserted, url in case['before'].get(name, []):
            if inserted != 'main':
                sections.setdefault(inserted, {})
                urls[inserted] = url
    for name, url in urls.items():
        if name == 'main': continue
        keys = sections[name]
        keys['baseurl'] = url
        for gone in ('mirrorlist', 'metalink'): keys.pop(gone, None)
        if case['proxy'] != 'keep': keys['proxy'] = no_proxy(name, case['proxy'])
    return sections

cases, results = json.load(sys.stdin)
print(json.dumps([[expect(case), read(result)] for case, result in zip(cases, results)]))
`

/** The sections of files as dnf reads them, but for the line endings that it takes for empty values. */
const LIBDNF = `
import json, os, sys, tempfile, libdnf.conf
def read(text):
    with tempfile.NamedTemporaryFile('w', newline='', suffix='.repo') as file:
        file.write(text)
        file.flush()
        parser = libdnf.conf.ConfigParser()
        parser.read(file.name)
    return {s: {k: parser.getValue(s, k).strip() for k in parser.options(s)} for s in parser.sections()}
print(json.dumps([[read(text) for text in pair] for pair in json.load(sys.stdin)]))
`

const IDS = ['main', 'a-el7', 'b-fc28', 'c-fc40', 'd', 'E-el7', 'f g', 'ä-el8stream'] as const
const INSERTED = ['x-el7', 'y', 'd', 'a-el7', 'main'] as const

const oneOf = (...values: readonly string[]) => fc.constantFrom(...values)
const word = fc
  .string({ unit: oneOf(...Array.from('ab1./:=#;%$"{}[(,ä')), minLength: 1, maxLength: 8 })
  .filter((text) => !/^[#;[]/.test(text))
const key = oneOf('baseurl', 'mirrorlist', 'metalink', 'proxy', 'enabled', 'name', 'gpgkey', 'exclude', 'x')

/**
 * @param separators between key and value
 * @param within what may stand between the lines of a value
 */
const entry = (separators: readonly string[], within: readonly string[], keys: fc.Arbitrary<string>) =>
  fc
    .record({
      key: keys,
      separator: oneOf(...separators),
      first: fc.oneof(word, word, fc.constant('')),
      others: fc.array(fc.tuple(oneOf(...within), oneOf(' ', '\t', '    '), word), { maxLength: 2 }),
      end: oneOf('', '', ' ', '\t'),
      after: oneOf('', '', '', '\n', '# c\n', ';baseurl=d\n', ...within),
    })
    .map(({ key, separator, first, others, end, after }) => {
      const lines = others.map(([within, indentation, text]) => `${within}${indentation}${text}${end}\n`)
      return `${key}${separator}${first}${end}\n${lines.join('')}${after}`
    })

const cases = (entries: fc.Arbitrary<string>, head: fc.Arbitrary<string>): fc.Arbitrary<Case> =>
  fc.record({
    text: fc
      .record({
        head,
        sections: fc.array(fc.tuple(oneOf(...IDS), fc.array(entries, { maxLength: 6 })), { maxLength: 4 }),
        eol: oneOf('\n', '\n', '\r\n'),
        cut: fc.boolean(),
      })
      .map(({ head, sections, eol, cut }) => {
        const bodies = sections.map(([id, entries]) => `[${id}]\n${entries.join('')}`)
        const text = (head + bodies.join('')).replaceAll('\n', eol)
        return cut ? text.replace(/\r?\n$/, '') : text
      }),
    mirrors: fc
      .subarray([...IDS])
      .map((ids) => Object.fromEntries(ids.map((id) => [id, `http://m/${encodeURIComponent(id)}`]))),
    before: fc.dictionary(
      oneOf('main', 'b-fc28', 'E-el7', 'none'),
      fc.subarray([...INSERTED]).map((ids) => ids.map((id) => [id, `http://i/${id}`] as const)),
      { maxKeys: 2 },
    ),
    proxy: fc.constantFrom<ProxyRule>('auto', 'auto', 'keep', '_none_', 'None'),
  })

function injectAll(all: readonly Case[]): string[] {
  return all.map(({ text, mirrors, before, proxy }) => {
    const map = mapOf(mirrors, before)
    const { bytes } = injectConfig(Buffer.from(text), 'yum', map, { proxy })
    assert.ok(injectConfig(bytes, 'yum', map, { proxy }).bytes.equals(bytes), text)
    return bytes.toString()
  })
}

async function askPython<Answer>(script: string, question: unknown): Promise<Answer> {
  const input = JSON.stringify(question)
  const { code, stdout, stderr } = await runCommand(SYSTEM_PYTHON, ['-c', script], { input })
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as Answer
}

test('2,000 configurations say what the rule says, as Python reads them', needs('python3'), async () => {
  const keys = fc.oneof(key, key, oneOf('BaseURL', 'MIRRORLIST', 'Proxy', 'Name'))
  const within = ['', '', '\n', '# c\n', '  ; d\n', ' \n']
  const entries = entry(['=', ' = ', ':', ' :\t', ' ='], within, keys)
  const all = fc.sample(cases(entries, oneOf('', '# h\n', '\n\n')), { seed: 41, numRuns: 2000 })
  const results = injectAll(all)
  const readings = await askPython<[Reading, Reading][]>(ORACLE, [all, results])
  assert.equal(readings.length, all.length)
  for (const [index, [expected, found]] of readings.entries())
    assert.deepEqual(found, expected, `${all[index]?.text}\n--\n${results[index]}`)
  const changed = all.filter(({ text }, index) => text !== results[index])
  assert.ok(changed.length > 800, String(changed.length))
})

test(
  '1,000 configurations say it to dnf, whose reading of other keys stays',
  needs('python3-libdnf'),
  async () => {
    const entries = entry(['=', ' = ', '=\t', ' ='], ['', '', '  # c\n', ' \n'], key)
    const all = fc.sample(cases(entries, oneOf('', '\ufeff', '# h\n')), { seed: 42, numRuns: 1000 })
    const results = injectAll(all)
    const pairs = all.map(({ text }, index) => [text, results[index]])
    const readings = await askPython<[Reading, Reading][]>(LIBDNF, pairs)
    for (const [index, [before, after]] of readings.entries()) {
      const { text, mirrors, before: directives, proxy } = all[index] as Case
      const urls = new Map(Object.entries(mirrors))
      for (const id of Object.keys(before)) for (const [id2, url] of directives[id] ?? []) urls.set(id2, url)
      for (const [id, keys] of Object.entries(after)) {
        const url = id === 'main' ? undefined : urls.get(id)
        const { baseurl, mirrorlist, metalink, proxy: written, ...others } = keys
        const { baseurl: _, mirrorlist: __, metalink: ___, proxy: kept, ...expected } = before[id] ?? {}
        assert.deepEqual(others, expected, `${text}\n--\n${results[index]}`)
        if (url === undefined) assert.deepEqual(keys, before[id])
        else assert.deepEqual([baseurl, mirrorlist, metalink], [url, undefined, undefined], text)
        if (url !== undefined) assert.equal(written, proxy === 'keep' ? kept : chooseProxy(id, proxy))
      }
    }
  },
)
