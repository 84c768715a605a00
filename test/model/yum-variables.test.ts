import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { expandVariables, findVariables } from '../../src/model/yum-variables.ts'
import { runCommand } from '../support/run-command.ts'
import { needs, SYSTEM_PYTHON } from '../support/tools.ts'

const VARIABLES = { releasever: '9', basearch: 'x86_64', a: '$b', b: '${a}', A1_: '' }

describe('expandVariables', () => {
  const cases: [string, string][] = [
    ['http://h/$releasever/$basearch/os/', 'http://h/9/x86_64/os/'],
    ['http://h/${releasever}-${basearch}', 'http://h/9-x86_64'],
    ['el$releasever', 'el9'],
    ['$releasever-stream', '9-stream'],
    ['$releaseverx ${releasever}x', '$releaseverx 9x'],
    ['$Releasever $BASEARCH', '$Releasever $BASEARCH'],
    ['$stream ${contentdir}', '$stream ${contentdir}'],
    ['[$A1_]', '[]'],
    // What a variable holds is not expanded again.
    ['$a ${b}', '$b ${a}'],
    ['$ $$ ${ ${} ${releasever $$releasever', '$ $$ ${ ${} ${releasever $9'],
  ]
  for (const [text, expected] of cases)
    test(JSON.stringify(text), () =>
      assert.equal(expandVariables(text, new Map(Object.entries(VARIABLES))), expected),
    )

  test('expands as dnf does', needs('python3-libdnf'), async () => {
    const part = fc.constantFrom('$', '{', '}', '${', 'a', 'b', 'A1_', '-', '.', '/', 'ä', ' ')
    const texts = fc.sample(
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
      {
        seed: 31,
        numRuns: 5000,
      },
    )
    const script = `
import json, sys, libdnf.conf
texts, variables = json.load(sys.stdin)
print(json.dumps([libdnf.conf.ConfigParser.substitute(text, variables) for text in texts]))
`
    const input = JSON.stringify([texts, VARIABLES])
    const { code, stdout, stderr } = await runCommand(SYSTEM_PYTHON, ['-c', script], { input })
    assert.equal(code, 0, stderr)
    const expected = JSON.parse(stdout) as string[]
    const changed = expected.filter((text, index) => text !== texts[index])
    assert.ok(changed.length > 200, String(changed.length))
    for (const [index, text] of texts.entries())
      assert.equal(expandVariables(text, new Map(Object.entries(VARIABLES))), expected[index], text)
  })
})

describe('findVariables', () => {
  test('names each once', () => {
    assert.deepEqual(findVariables('http://h/$releasever/${basearch}/$releasever/${open'), [
      'releasever',
      'basearch',
      'open',
    ])
  })

  test('finds none where none can be meant', () => {
    for (const text of ['', '$', 'a$', '$1', '${', '${1}', '$-a', '$_a'])
      assert.deepEqual(findVariables(text), [], text)
  })
})
