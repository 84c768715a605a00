import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { constants, createGzip } from 'node:zlib'
import { digestHex, digestOf } from '../../src/model/digest.ts'
import { writeRepodata, type RepodataContent } from '../support/repodata-files.ts'
import { writeSyntheticRepository, type SyntheticOptions } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { editRepomd, openMirror, readRepodata, type MirrorUnderTest } from './mirror-under-test.ts'
import { formatElement, formatPrimary } from './primary-text.ts'

interface Setup {
  readonly dir: string
  readonly upstream: Upstream
  readonly mirror: MirrorUnderTest
}

async function setUp(t: TestContext, options: Partial<SyntheticOptions> = {}): Promise<Setup> {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'a' }], withoutFiles: true, ...options })
  const upstream = await startUpstream(t, dir)
  return { dir, upstream, mirror: openMirror(t, { baseurls: [upstream.url] }) }
}

/** Publishes a repository of these records, written as they are. */
async function setUpRecords(t: TestContext, records: readonly RepodataContent[]): Promise<Setup> {
  const dir = tempDir(t)
  writeRepodata(dir, records)
  const upstream = await startUpstream(t, dir)
  return { dir, upstream, mirror: openMirror(t, { baseurls: [upstream.url] }) }
}

/** Changes the value of an element of one record. */
function lie(dir: string, type: string, element: string, value: string): void {
  const pattern = new RegExp(`(<data type="${type}">.*?<${element}[^>]*>)[^<]*`, 's')
  editRepomd(dir, (text) => text.replace(pattern, `$1${value}`))
}

describe('what repomd.xml says wrongly of a file with the right checksum', () => {
  const lies: [string, string, string, string[]][] = [
    ['filelists', 'size', '1', ['size repodata/filelists.xml.gz']],
    ['primary', 'size', '10126790', ['size repodata/primary.xml.gz']],
    ['primary', 'open-size', '1', ['open-size repodata/primary.xml.gz']],
    ['other', 'open-size', '9007199254740991', ['open-size repodata/other.xml.gz']],
    ['other', 'open-checksum', '0'.repeat(64), ['open-checksum repodata/other.xml.gz']],
    ['primary', 'open-checksum', '0'.repeat(64), ['open-checksum repodata/primary.xml.gz']],
  ]
  for (const [type, element, value, defects] of lies) {
    test(`is published and flagged: ${element} of ${type}`, async (t) => {
      const { dir, mirror } = await setUp(t)
      lie(dir, type, element, value)
      const snapshot = await mirror.publish()
      assert.deepEqual(await mirror.defects(snapshot), defects)
      assert.deepEqual(await mirror.repodata(snapshot), readRepodata(dir))
      const [defect] = await mirror.store.defects(snapshot)
      assert.match(defect?.message ?? '', new RegExp(`says (sha256:)?${value} `))
      await mirror.expectUnchanged()
    })

    test(`is refused where mirrors are strict: ${element} of ${type}`, async (t) => {
      const { dir, mirror } = await setUp(t)
      mirror.strict = true
      await mirror.publish()
      writeSyntheticRepository(dir, { packages: [], withoutFiles: true })
      lie(dir, type, element, value)
      const error = await mirror.fail()
      assert.equal(error.code, 'REPODATA_MALFORMED')
      assert.match(error.message, /^strict: repodata\//)
      mirror.strict = false
      assert.deepEqual(await mirror.defects(await mirror.publish()), defects)
    })
  }

  test('a file that cannot be uncompressed is flagged, but for primary', async (t) => {
    const { dir, mirror } = await setUpRecords(t, [
      { type: 'primary', content: formatPrimary([]) },
      { type: 'filelists', content: Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3]), compress: 'none' },
    ])
    editRepomd(dir, (text) =>
      text.replace('</size>\n  </data>\n</repomd>', '</size><open-size>9</open-size></data></repomd>'),
    )
    assert.deepEqual(await mirror.defects(await mirror.publish()), ['open-checksum repodata/filelists.xml'])
  })
})

function makeWrong(upstream: Upstream, pattern = /-other/): void {
  upstream.rules = [{ match: pattern, status: 404 }]
}

describe('a file other than primary that upstream never has right', () => {
  test('is published as missing where there is no snapshot yet, after three tries', async (t) => {
    const { dir, upstream, mirror } = await setUp(t)
    makeWrong(upstream)
    const snapshot = await mirror.publish()
    assert.equal(upstream.count(/-other/), 3)
    assert.deepEqual(await mirror.defects(snapshot), ['missing repodata/other.xml.gz'])
    const path = [...readRepodata(dir).keys()].find((name) => name.includes('-other')) ?? ''
    const file = await mirror.store.file(snapshot, path)
    assert.deepEqual([file?.kind, file?.digest], ['repodata', undefined])
    assert.equal((await mirror.store.rollingFile(snapshot, path))?.file.digest, undefined)
    const files = await mirror.repodata(snapshot)
    assert.deepEqual([files.size, files.has(path), files.get(path)], [4, true, undefined])
  })

  test('is published so when it never matches, too', async (t) => {
    const { upstream, mirror } = await setUp(t)
    upstream.rules = [{ match: /-other/, flipByteAt: 20 }]
    assert.deepEqual(await mirror.defects(await mirror.publish()), ['missing repodata/other.xml.gz'])
    assert.equal(upstream.count(/-other/), 3)
  })

  test('keeps the mirror on an earlier snapshot that had it', async (t) => {
    const { dir, upstream, mirror } = await setUp(t)
    await mirror.publish()
    writeSyntheticRepository(dir, { packages: [], withoutFiles: true })
    makeWrong(upstream)
    assert.match(
      (await mirror.fail()).message,
      /other\.xml\.gz: repomd\.xml names it, and in 3 tries .*: 404$/,
    )
  })

  test('is published again where the last snapshot lacked the same record', async (t) => {
    const { dir, upstream, mirror } = await setUp(t)
    makeWrong(upstream)
    await mirror.publish()
    writeSyntheticRepository(dir, { packages: [{ name: 'b' }], withoutFiles: true })
    const second = await mirror.publish()
    assert.deepEqual(await mirror.defects(second), ['missing repodata/other.xml.gz'])
    // Another one missing is another mistake.
    writeSyntheticRepository(dir, { packages: [{ name: 'c' }], withoutFiles: true })
    makeWrong(upstream, /-(other|filelists)/)
    assert.match((await mirror.fail()).message, /filelists/)
    upstream.rules = []
    assert.deepEqual(await mirror.defects(await mirror.publish()), [])
  })

  test('is refused where mirrors are strict, even at first', async (t) => {
    const { upstream, mirror } = await setUp(t)
    makeWrong(upstream)
    mirror.strict = true
    assert.match((await mirror.fail()).message, /^strict: repodata\/.*other/)
  })
})

describe('primary', () => {
  const broken: [string, Buffer | string, RegExp][] = [
    ['is no XML', 'nothing of the kind', /reading primary\.xml/],
    ['ends too early', formatPrimary([formatElement('a')]).slice(0, -20), /primary/],
    ['is compressed and cut', Buffer.from('1f8b0800000000000003', 'hex'), /gzip/],
    [
      'has a package without checksum',
      formatPrimary(['<package type="rpm"><name>a</name></package>']),
      /missing/,
    ],
  ]
  for (const [name, content, reason] of broken) {
    test(`that ${name} is refused, also at first`, async (t) => {
      const { mirror } = await setUpRecords(t, [{ type: 'primary', content, compress: 'none' }])
      const error = await mirror.fail()
      assert.equal(error.code, 'REPODATA_MALFORMED')
      assert.match(error.message, reason)
      assert.deepEqual(mirror.temporaryFiles(), [], 'the scratch database is gone')
      assert.equal(await mirror.store.seenRepomd('m'), undefined, 'it is looked at again')
    })
  }

  const mistakes: [string, string[], string[]][] = [
    [
      'names packages outside',
      [formatElement('a', { href: '/a.rpm' }), formatElement('b')],
      ['href repodata/primary.xml.gz'],
    ],
    [
      'lists an href twice with other content',
      [formatElement('a', { hex: '1' }), formatElement('a', { hex: '2' })],
      ['duplicate Packages/a.rpm'],
    ],
  ]
  for (const [name, packages, defects] of mistakes) {
    test(`that ${name} is published and flagged, and refused where mirrors are strict`, async (t) => {
      const content = formatPrimary(packages)
      const { mirror } = await setUpRecords(t, [{ type: 'primary', content }])
      mirror.strict = true
      assert.match((await mirror.fail()).message, /^strict: /)
      mirror.strict = false
      const snapshot = await mirror.publish()
      assert.deepEqual(await mirror.defects(snapshot), defects)
      assert.equal(snapshot.packageCount, 1)
    })
  }

  test('that states another number of packages is flagged', async (t) => {
    const content = formatPrimary([formatElement('a')]).replace('packages="1"', 'packages="7"')
    const { mirror } = await setUpRecords(t, [{ type: 'primary', content }])
    const snapshot = await mirror.publish()
    const [defect] = await mirror.store.defects(snapshot)
    assert.equal(defect?.kind, 'count')
    assert.match(defect?.message ?? '', /says packages="7" and lists 1$/)
  })

  test('that lists an href twice with the same content is right', async (t) => {
    const content = formatPrimary([formatElement('a'), formatElement('a')])
    const { mirror } = await setUpRecords(t, [{ type: 'primary', content }])
    const snapshot = await mirror.publish()
    assert.deepEqual([await mirror.defects(snapshot), snapshot.packageCount], [[], 1])
  })

  test('that names hundreds of wrong hrefs costs a bounded message', async (t) => {
    const far = Array.from({ length: 300 }, (_, index) =>
      formatElement(`p${index}`, { href: `../${'x'.repeat(10_000)}${index}` }),
    )
    const { mirror } = await setUpRecords(t, [{ type: 'primary', content: formatPrimary(far) }])
    const [defect] = await mirror.store.defects(await mirror.publish())
    assert.match(defect?.message ?? '', /^300 packages lie outside/)
    assert.ok((defect?.message.length ?? 0) < 5_000)
  })
})

/** A gzip file of as many zeros: a thousandth of it. */
async function createBomb(sizeBytes: number): Promise<Buffer> {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED })
  const chunk = Buffer.alloc(1 << 20, ' ')
  const pieces: Buffer[] = []
  gzip.on('data', (piece: Buffer) => pieces.push(piece))
  const ended = new Promise((resolve) => gzip.once('end', resolve))
  for (let written = 0; written < sizeBytes; written += chunk.length)
    await new Promise((resolve) => gzip.write(chunk, resolve))
  gzip.end()
  await ended
  return Buffer.concat(pieces)
}

/** A record of bytes that are compressed already, with an open size that is none of its business. */
function placeBomb(dir: string, type: string, bytes: Buffer): void {
  const name = `repodata/${type}-bomb.gz`
  writeFileSync(join(dir, name), bytes)
  const checksum = (tag: string) => `<${tag} type="sha256">${digestHex(digestOf(bytes))}</${tag}>`
  editRepomd(dir, (text) =>
    text
      .replace(new RegExp(`  <data type="${type}">.*?</data>\n`, 's'), '')
      .replace(
        '</repomd>',
        `<data type="${type}">${checksum('checksum')}${checksum('open-checksum')}<location href="${name}"/></data></repomd>`,
      ),
  )
}

test('what repomd.xml says wrongly of a primary that is rewritten is said of the one in its place', async (t) => {
  const content = formatPrimary([formatElement('a', { base: 'http://elsewhere.example.org/' })])
  const { dir, mirror } = await setUpRecords(t, [{ type: 'primary', content }])
  for (const [element, value] of [
    ['open-checksum', '0'.repeat(64)],
    ['open-size', '1'],
    ['size', '2'],
  ] as const)
    lie(dir, 'primary', element, value)
  const snapshot = await mirror.publish()
  assert.equal(snapshot.xmlBase, 'rewritten')
  const found = await mirror.store.defects(snapshot)
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ['open-checksum', 'open-size', 'size'],
  )
  const primary = (await mirror.store.files(snapshot)).find(({ type }) => type === 'primary')
  assert.ok(found.every(({ path }) => path === primary?.path))
})

describe('a decompression bomb', () => {
  test('is flagged as filelists and refused as primary, in bounded memory', async (t) => {
    const bomb = await createBomb(2 ** 30 + 2 ** 21)
    const { dir, mirror } = await setUp(t)
    const primaryDir = tempDir(t)
    placeBomb(dir, 'filelists', bomb)
    let peak = 0
    const base = process.memoryUsage().rss
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss - base)), 20)
    t.after(() => clearInterval(watch))
    const snapshot = await mirror.publish()
    const [defect] = await mirror.store.defects(snapshot)
    assert.equal(defect?.kind, 'open-checksum')
    assert.match(defect?.message ?? '', /larger than 1073741824 bytes/)
    writeSyntheticRepository(primaryDir, { packages: [], withoutFiles: true })
    placeBomb(primaryDir, 'primary', bomb)
    const upstream = await startUpstream(t, primaryDir)
    const other = openMirror(t, { baseurls: [upstream.url] })
    assert.equal((await other.fail()).code, 'REPODATA_MALFORMED')
    assert.deepEqual(other.temporaryFiles(), [])
    assert.ok(peak < 160 << 20, `memory grew by ${peak >> 20} MiB`)
  })
})
