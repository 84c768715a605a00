import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { parseDeltas } from '../../src/repodata/deltas.ts'
import { parseTreeinfo } from '../../src/repodata/treeinfo.ts'

const SHA1 = 'b'.repeat(40)
const SHA256 = 'a'.repeat(64)

function delta(name: string, rest = `<size>7</size><checksum type="sha256">${SHA256}</checksum>`): string {
  return `<delta oldepoch="0" oldversion="1" oldrelease="1"><filename>${name}</filename><sequence>s</sequence>${rest}</delta>`
}

function document(...deltas: string[]): Buffer {
  const one = `<newpackage name="a" epoch="0" version="2" release="1" arch="noarch">${deltas.join('\n')}</newpackage>`
  return Buffer.from(`<?xml version="1.0"?>\n<!-- <delta> --><prestodelta>\n${one}${one}</prestodelta>\n`)
}

describe('delta rpms', () => {
  test('are listed with checksum and size, in any form of XML, and without what none can be', () => {
    const files = parseDeltas(
      document(
        delta('drpms/a.drpm'),
        delta(' drpms/b&amp;.drpm\n', `<checksum type='sha'><![CDATA[${SHA1}]]></checksum>`),
        delta('../../c.drpm'),
        delta('http://h/c.drpm'),
        delta('drpms/d.drpm', '<size>7</size>'),
        delta('drpms/e.drpm', '<checksum type="crc32">0</checksum>'),
      ),
    )
    assert.deepEqual(files.slice(0, files.length / 2), [
      { path: 'drpms/a.drpm', digest: `sha256:${SHA256}`, size: 7 },
      { path: 'drpms/b&.drpm', digest: `sha1:${SHA1}` },
    ])
    assert.equal(files.length, 4)
  })

  test('of no XML, or half a document, are none: that is an error', () => {
    const whole = document(delta('drpms/a.drpm'))
    for (const bytes of ['', 'nothing', '<prestodelta>', whole.subarray(0, -20), '<!DOCTYPE x><x/>'])
      assert.throws(() => parseDeltas(Buffer.from(bytes)), { code: 'REPODATA_MALFORMED' })
  })
})

test('a .treeinfo lists files by its checksums, and nothing of the repodata', () => {
  const text = `; a comment
[general]
images/not.img = sha256:${SHA256}
[checksums]
images/boot.iso = sha256:${SHA256}
images/boot.iso = sha1:${SHA1}
images/pxeboot/vmlinuz=sha1:${SHA1}
repodata/repomd.xml = sha256:${SHA256}
../up.img = sha256:${SHA256}
none.img = sha256:xyz
[images-x86_64]
kernel = images/pxeboot/vmlinuz
`
  const expected = [
    { path: 'images/boot.iso', digest: `sha256:${SHA256}` },
    { path: 'images/pxeboot/vmlinuz', digest: `sha1:${SHA1}` },
  ]
  assert.deepEqual(parseTreeinfo(Buffer.from(text)), expected)
  assert.deepEqual(parseTreeinfo(Buffer.from(text.replaceAll('\n', '\r\n'))), expected)
  assert.deepEqual(parseTreeinfo(Buffer.from('<html>')), [])
})

test('a .treeinfo takes no longer than it is long, whatever it says', () => {
  const startedAt = process.cpuUsage()
  for (const [begin, part] of [
    ['a', ' '],
    ['a=', ' '],
    ['[', ' '],
    ['[', ']'],
    ['', '='],
    ['', '\n'],
    ['', 'a=b\n'],
  ] as const)
    for (const size of [250 << 10, 8 << 20])
      parseTreeinfo(Buffer.from(`[checksums]\n${begin}${part.repeat(size / part.length)}x`))
  // A line of 160,000 spaces took twenty seconds.
  assert.ok(process.cpuUsage(startedAt).user < 3_000_000)
})
