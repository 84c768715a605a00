import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { XMLParser } from 'fast-xml-parser'

import type { Advisory } from '../../src/model/advisory.ts'
import { decompress } from '../../src/repodata/decompress.ts'
import { readUpdateinfo } from '../../src/repodata/updateinfo.ts'
import { Random } from '../support/random.ts'
import { collect, everyBytes, randomPieces, stream } from './pieces.ts'
import { findRealFiles, NEEDS_REAL_FILES, realFile } from './real-files.ts'

const FULL = `<update from="a@b" status="final" type="security" version="1.4">
  <id>FEDORA-2024-1</id>
  <title>xz &amp; liblzma</title>
  <issued date="2024-03-29 10:00:00"/><updated date="2024-03-30 00:00:00"/>
  <severity>Critical</severity>
  <description>&lt;id&gt; <![CDATA[</update>]]> <!-- </update> --></description>
  <references>
    <reference href="https://x/" id="2272210" type="bugzilla" title="CVE-2024-3094 xz: backdoor, see CVE-2024-0001"/>
    <reference href="https://x/" id="CVE-2024-3094" type="cve" title=""/>
    <reference href="https://x/" id="odd" type="cve" title="CVE-1"/>
  </references>
  <pkglist><collection short="F"><name>F</name><reference id="CVE-2024-9999" type="cve"/><package name="xz"><id>not this</id><title>nor this</title></package></collection></pkglist>
</update>`

const ADVISORY: Advisory = {
  id: 'FEDORA-2024-1',
  type: 'security',
  severity: 'Critical',
  title: 'xz & liblzma',
  issued: '2024-03-29 10:00:00',
  cves: ['CVE-2024-0001', 'CVE-2024-3094', 'odd'],
}

function updates(content: string, head = '<?xml version="1.0" encoding="UTF-8"?>\n'): string {
  return `${head}<updates>\n${content}\n</updates>\n`
}

function small(id: string, children = ''): string {
  return `<update type="bugfix"><id>${id}</id>${children}</update>`
}

async function read(document: string | Buffer, pieceBytes = 1_000): Promise<Advisory[]> {
  const batches = readUpdateinfo(stream(everyBytes(Buffer.from(document), pieceBytes)))
  return (await Array.fromAsync(batches)).flat()
}

describe('an advisory', () => {
  const bare = { type: 'bugfix', severity: undefined, title: undefined, issued: undefined, cves: [] }
  const cases: [string, string, Advisory[]][] = [
    ['as bodhi writes it', updates(FULL), [ADVISORY]],
    [
      'with nothing but its id',
      updates('<update><id> A </id></update>'),
      [{ ...bare, id: 'A', type: undefined }],
    ],
    ['without any', updates('<update><title>t</title></update><update/>'), []],
    [
      'of SUSE, in seconds',
      updates(small('A', '<issued date="1208907002"/>')),
      [{ ...bare, id: 'A', issued: '2008-04-22 23:30:02' }],
    ],
    [
      'in a namespace, with a prefix',
      `<u:updates xmlns:u="x">${small('A').replaceAll(/(<\/?)(\w)/g, '$1u:$2')}</u:updates>`,
      [{ ...bare, id: 'A' }],
    ],
    [
      'in ISO-8859-1',
      updates(small('A', '<title>\u00e9</title>'), '<?xml version="1.0" encoding="ISO-8859-1"?>'),
      [{ ...bare, id: 'A', title: '\u00c3\u00a9' }],
    ],
    ['with two ids', updates('<update type="bugfix"><id>A</id><id>B</id></update>'), [{ ...bare, id: 'A' }]],
    ['none at all', '<updates/>', []],
    [
      'among what is not',
      updates(`<other><update><id>no</id></update></other>text<!--PATCHINFO id="x"!-->${small('A')}`),
      [{ ...bare, id: 'A' }],
    ],
  ]
  for (const [title, document, expected] of cases)
    test(title, async () => {
      for (const pieceBytes of [1, 7, 100_000]) assert.deepEqual(await read(document, pieceBytes), expected)
    })

  test('keeps no more text than anybody reads', async () => {
    const long = 'x'.repeat(2_000)
    const many = Array.from({ length: 3_000 }, (_, index) => `<reference id="CVE-2024-${10_000 + index}"/>`)
    const [advisory] = await read(
      updates(small('A', `<title>${long}</title><references>${many.join('')}</references>`)),
    )
    assert.deepEqual([advisory?.title?.length, advisory?.cves.length], [500, 2_000])
  })
})

async function* endlessElement(): AsyncGenerator<Buffer> {
  yield Buffer.from('<updates><update><description>')
  for (;;) yield Buffer.alloc(1 << 20, 'x')
}

async function* endlessList(): AsyncGenerator<Buffer> {
  yield Buffer.from('<updates>')
  for (;;) yield Buffer.from('<update><id>A</id></update>'.repeat(10_000))
}

describe('a document is refused', () => {
  const cases: [string, string, RegExp][] = [
    [
      'with a document type',
      `<!DOCTYPE updates [<!ENTITY a "b">]>${updates('')}`,
      /declarations are refused/,
    ],
    ['with one inside', updates('<!DOCTYPE x>'), /declarations are refused/],
    [
      'with an entity of its own',
      updates(small('A', '<title>&a;</title>')),
      /not a reference to a character/,
    ],
    ['that is another', '<metadata/>', /expected <updates>/],
    ['that is no XML', 'not found', /not XML: "not found"/],
    ['that is empty', '', /truncated: no root element/],
    ['cut short', updates(FULL).slice(0, -12), /truncated: no <\/updates>/],
    ['cut short in an element', updates(FULL).slice(0, 300), /truncated/],
    ['with text behind it', `${updates('')}x`, /text after/],
    ['twice', updates('') + updates('').slice(39), /content after/],
    ['whose tags do not match', updates('<update><id>A</update></id>'), /expected <\/id>/],
    ['nested without end', updates(`<update>${'<a>'.repeat(100)}`), /nested deeper/],
  ]
  for (const [title, document, message] of cases)
    test(title, async () => {
      for (const pieceBytes of [1, 100_000])
        await assert.rejects(read(document, pieceBytes), { code: 'REPODATA_MALFORMED', message })
    })

  test('with an element that never ends', async () => {
    await assert.rejects(Array.fromAsync(readUpdateinfo(endlessElement())), {
      code: 'REPODATA_MALFORMED',
      message: /an element larger than 16777216 bytes/,
    })
  })

  test('with advisories without end', async () => {
    await assert.rejects(async () => {
      for await (const _ of readUpdateinfo(endlessList()));
    }, /more than 500000 advisories/)
  })
})

test('however a document is cut, it says the same', async () => {
  const random = new Random(3094)
  const elements = Array.from({ length: 400 }, (_, index) => FULL.replace('2024-1', `2024-${index}`))
  const document = Buffer.from(updates(elements.join('\n')))
  const whole = await read(document, document.length)
  assert.equal(whole.length, 400)
  for (let run = 0; run < 20; run += 1)
    assert.deepEqual(
      (await Array.fromAsync(readUpdateinfo(stream(randomPieces(document, random))))).flat(),
      whole,
    )
})

/** Bodhi's titles once named every build. */
function cut(title: string | undefined): string | undefined {
  return title !== undefined && title.length > 500 ? `${title.slice(0, 499)}…` : title
}

function isUpdate(name: string): boolean {
  return name === 'update'
}

/** The same by a whole XML parser. */
function readByOracle(text: string): Partial<Advisory>[] {
  const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false, isArray: isUpdate })
  const found = parser.parse(text) as { updates: { update?: Record<string, unknown>[] } | '' }
  return ((found.updates === '' ? undefined : found.updates.update) ?? []).map((update) => ({
    id: update['id'] as string,
    type: (update['@_type'] as string) || undefined,
    severity: (update['severity'] as string) || undefined,
    title: cut((update['title'] as string) || undefined),
  }))
}

describe('real files', () => {
  const files = findRealFiles('**/*updateinfo*.xml*').filter((file) => !/broken|\.zck$/.test(file))
  test('say what a whole parser says they say', NEEDS_REAL_FILES, async () => {
    assert.ok(files.length > 10)
    for (const file of files) {
      const bytes = await collect(decompress(stream([readFileSync(realFile(file))])))
      const found = await read(bytes)
      const told = found.map(({ id, type, severity, title }) => ({ id, type, severity, title }))
      assert.deepEqual(told, readByOracle(bytes.toString()), file)
    }
  })
})
