import assert from 'node:assert/strict'
import { openSync, closeSync, ftruncateSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { toBasedHref } from '../../src/model/based-href.ts'
import { digestHex, digestOf } from '../../src/model/digest.ts'
import { ingest } from '../../src/snapshot/ingest.ts'
import { createThreadRunner } from '../../src/snapshot/ingest-runner.ts'
import { editRepomd, openMirror, type MirrorUnderTest } from '../snapshot/mirror-under-test.ts'
import { formatElement, formatPrimary } from '../snapshot/primary-text.ts'
import { httpGet } from '../support/http-get.ts'
import { writeRepodata } from '../support/repodata-files.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { startFarm } from './farm.ts'

// What an upstream may say: bounded memory and time, a reason, and the last snapshot untouched.

const HEAP_MB = 96
const MEMORY_BYTES = 200 << 20
const LONGEST_MS = 30_000

interface Setup {
  readonly dir: string
  readonly upstream: Upstream
  readonly mirror: MirrorUnderTest
  /** Replaces all records by a primary of this. */
  readonly writePrimary: (content: string | Buffer) => void
  /** Replaces repomd.xml by this. */
  readonly writeRepomd: (text: string | Buffer) => void
  /** Syncs as the server does, in a thread of little memory, expecting a refusal with a reason, soon, and the last snapshot. */
  readonly refuse: (reason: RegExp) => Promise<void>
}

/** A mirror that has a snapshot already. */
async function setUp(t: TestContext): Promise<Setup> {
  const dir = tempDir(t)
  writeSyntheticRepository(dir, { packages: [{ name: 'good' }], withoutFiles: true })
  const upstream = await startUpstream(t, dir)
  const mirror = openMirror(t, { baseurls: [upstream.url] })
  await mirror.publish()
  const runner = createThreadRunner({
    dataDir: mirror.dataDir,
    processId: 'feedfacecafebeef',
    maxHeapMb: HEAP_MB,
  })
  const refuse = async (reason: RegExp) => {
    const [before] = await mirror.store.snapshots('m')
    const base = process.memoryUsage().rss
    let peak = 0
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss - base)), 10)
    const startedAt = performance.now()
    const result = await mirror.sync({ ingest: runner })
    clearInterval(watch)
    assert.equal(result.outcome, 'failed', JSON.stringify(result))
    assert.match(result.error.message, reason)
    assert.ok(result.error.message.length < 1_000)
    assert.deepEqual((await mirror.store.snapshots('m'))[0], before)
    assert.equal((await mirror.store.mirrors())[0]?.error, result.error.message)
    assert.deepEqual(mirror.temporaryFiles(), [])
    assert.ok(peak < MEMORY_BYTES, `memory grew by ${peak >> 20} MiB`)
    assert.ok(performance.now() - startedAt < LONGEST_MS)
  }
  return {
    dir,
    upstream,
    mirror,
    refuse,
    writePrimary: (content) => void writeRepodata(dir, [{ type: 'primary', content }]),
    writeRepomd: (text) => writeFileSync(join(dir, 'repodata/repomd.xml'), text),
  }
}

const ENTITIES = Array.from(
  { length: 30 },
  (_, index) => `<!ENTITY e${index + 1} "&e${index};&e${index};">`,
).join('')
const BOMB = `<!DOCTYPE x [<!ENTITY e0 "ha">${ENTITIES}]>`
const EXTERNAL = '<!DOCTYPE x [<!ENTITY e30 SYSTEM "file:///etc/passwd">]>'
const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

describe('entities', () => {
  for (const [what, declaration] of [
    ['a bomb of them', BOMB],
    ['external ones', EXTERNAL],
    ['an external subset', '<!DOCTYPE x SYSTEM "http://169.254.169.254/x.dtd">'],
  ] as const) {
    test(`${what} in repomd.xml: refused`, async (t) => {
      const { writeRepomd, refuse } = await setUp(t)
      writeRepomd(`${HEAD}${declaration}<repomd><revision>&e30;</revision></repomd>`)
      await refuse(/a document type declaration/)
    })

    test(`${what} in primary: refused`, async (t) => {
      const { writePrimary, refuse } = await setUp(t)
      writePrimary(formatPrimary([formatElement('&e30;')]).replace(HEAD, HEAD + declaration))
      await refuse(/declarations are refused/)
    })
  }
})

describe('too much', () => {
  test('a repomd.xml of 2 GiB: refused after its first mebibyte', async (t) => {
    const { dir, upstream, refuse } = await setUp(t)
    const file = join(dir, 'repodata/repomd.xml')
    rmSync(file)
    const descriptor = openSync(file, 'w')
    ftruncateSync(descriptor, 2 ** 31)
    closeSync(descriptor)
    await refuse(/repomd\.xml is larger than: 1048576 bytes/)
    await upstream.settled()
    assert.ok((upstream.requests.at(-1)?.bytesSent ?? 0) < 64 << 20)
  })

  test('a repomd.xml compressed a thousandfold: refused', async (t) => {
    // Members one after the other are one file; to compress it as a whole takes seconds.
    const member = gzipSync(Buffer.alloc(10 << 20, ' '))
    const repomd = Buffer.concat(Array.from({ length: 50 }, () => member))
    const { writeRepomd, refuse } = await setUp(t)
    writeRepomd(repomd)
    await refuse(/decoding a compressed repomd\.xml/)
  })

  test('a repomd.xml of elements within elements without end: refused', async (t) => {
    const { writeRepomd, refuse } = await setUp(t)
    writeRepomd(`<repomd>${'<a>'.repeat(300_000)}`)
    await refuse(/reading repomd\.xml/)
    writeRepomd(`<repomd>${'<a>'.repeat(140_000)}${'</a>'.repeat(140_000)}</repomd>`)
    await refuse(/reading repomd\.xml|names no primary/)
  })

  test('ten gigabytes of zeros from a third of a megabyte, as primary: refused', async (t) => {
    const { dir, refuse } = await setUp(t)
    placeRecord(dir, 'primary', zeros(10 * 2 ** 30), 10 * 2 ** 30)
    await refuse(/reading primary\.xml/)
  })

  test('ten gigabytes of spaces from as little, as primary: refused', async (t) => {
    const { dir, refuse } = await setUp(t)
    placeRecord(dir, 'primary', zeros(10 * 2 ** 30, 0x20), undefined)
    await refuse(/larger than 1073741824 bytes|an element larger/)
  })

  test('ten gigabytes of zeros beside a good primary: published, and flagged', async (t) => {
    const { dir, mirror } = await setUp(t)
    const bomb = zeros(10 * 2 ** 30)
    assert.ok(bomb.length < 400_000, `${bomb.length} bytes`)
    writeSyntheticRepository(dir, { packages: [{ name: 'next' }], withoutFiles: true })
    placeRecord(dir, 'extra', bomb, undefined)
    const snapshot = await mirror.publish()
    assert.deepEqual(await mirror.defects(snapshot), ['open-checksum repodata/extra-bomb'])
  })

  test('elements within elements in primary: refused', async (t) => {
    const { writePrimary, refuse } = await setUp(t)
    writePrimary(formatPrimary([`<package>${'<a>'.repeat(1_000_000)}`]))
    await refuse(/nested deeper than 64/)
  })

  test('an element without end: refused at 16 MiB', async (t) => {
    const { writePrimary, refuse } = await setUp(t)
    writePrimary(`<metadata><package type="rpm"><name>${'x'.repeat(20 << 20)}`)
    await refuse(/an element larger than 16777216 bytes/)
  })

  test('names of a megabyte: refused', async (t) => {
    const { writePrimary, refuse } = await setUp(t)
    writePrimary(formatPrimary([formatElement('x'.repeat(1 << 20), { href: 'a.rpm' })]))
    await refuse(/a name or version longer than 4096: 1048576/)
  })

  test('more packages than any distribution has: refused', async (t) => {
    const { writePrimary, mirror } = await setUp(t)
    writePrimary(formatPrimary(Array.from({ length: 5_000 }, (_, index) => formatElement(`p${index}`))))
    const before = await mirror.store.snapshots('m')
    const result = await mirror.sync({
      ingest: (job) => ingest(job, { blobs: mirror.blobs, store: mirror.store, maxPackages: 4_999 }),
    })
    assert.ok(result.outcome === 'failed')
    assert.match(result.error.message, /primary\.xml\.gz lists more packages than: 4999/)
    assert.deepEqual(await mirror.store.snapshots('m'), before)
    assert.deepEqual(mirror.temporaryFiles(), [])
  })

  test('hundreds of records, or terabytes of them: refused before one is fetched', async (t) => {
    const { dir, upstream, refuse } = await setUp(t)
    const add = (records: string) => {
      writeSyntheticRepository(dir, { packages: [], withoutFiles: true })
      editRepomd(dir, (text) => text.replace('</repomd>', `${records}</repomd>`))
    }
    add(Array.from({ length: 300 }, (_, index) => nameRecord(index, '1')).join(''))
    await refuse(/names more than 256: 303 files/)
    add(nameRecord(0, `${2 ** 40}`))
    await refuse(/names files of more than 17179869184 bytes/)
    assert.equal(upstream.count(/\/r\//), 0)
  })
})

describe('hrefs', () => {
  const OUTSIDE: readonly [string, string][] = [
    ['climbing too far', `${'../'.repeat(17)}etc/passwd`],
    ['climbing too far in the middle', `Packages/${'../'.repeat(18)}x.rpm`],
    ['of a directory', '../..'],
    ['absolute', '/etc/passwd'],
    ['of another host', '//evil.example/x.rpm'],
    ['with a backslash', '..\\..\\x.rpm'],
    ['with a newline', 'a&#10;b.rpm'],
    ['with a carriage return', 'a&#13;b.rpm'],
    ['longer than 4 KiB', 'x'.repeat(4_097)],
  ]
  for (const [what, href] of OUTSIDE) {
    test(`${what}, of a package: not served, flagged, and nothing is asked for it`, async (t) => {
      const { writePrimary, mirror } = await setUp(t)
      writePrimary(formatPrimary([formatElement('evil', { href }), formatElement('fine')]))
      const snapshot = await mirror.publish()
      assert.equal(snapshot.packageCount, 1)
      assert.deepEqual(await mirror.defects(snapshot), ['href repodata/primary.xml.gz'])
    })

    test(`${what}, of a record: refused, and nothing is asked for it`, async (t) => {
      const { dir, upstream, refuse } = await setUp(t)
      writeSyntheticRepository(dir, { packages: [], withoutFiles: true })
      editRepomd(dir, (text) => text.replace(/<location href="[^"]*other[^"]*"/, `<location href="${href}"`))
      const before = upstream.count()
      await refuse(/location leaves the repository/)
      assert.equal(upstream.count(), before + 1)
    })
  }

  test('with NUL: refused with the whole document, as no XML', async (t) => {
    const { writePrimary, refuse } = await setUp(t)
    writePrimary(formatPrimary([formatElement('a', { href: 'a&#0;b.rpm' })]))
    await refuse(/reading primary\.xml/)
  })

  test('that are no UTF-8: refused', async (t) => {
    const { writePrimary, refuse } = await setUp(t)
    const text = formatPrimary([formatElement('a', { href: 'a@b.rpm' })])
    writePrimary(Buffer.from(Buffer.from(text).map((byte) => (byte === 0x40 ? 0xff : byte))))
    await refuse(/reading primary\.xml.*UTF-8/i)
  })

  test('with encoded slashes and dots are names of files, and nothing else', async (t) => {
    const hrefs = ['a%2fb.rpm', '%2e%2e/%2e%2e/etc/passwd', 'x%00y.rpm']
    const farm = await startFarm(t, {
      packages: hrefs.map((href, index) => ({ name: `p${index}`, href, content: 100 })),
    })
    const [source] = farm.sources
    for (const href of hrefs) {
      const { status } = await farm.get(href.replaceAll('%', '%25'))
      assert.equal(status, 200, href)
    }
    assert.deepEqual(
      source?.requests.map(({ path }) => decodeURIComponent(path)),
      hrefs.map((href) => `/${href}`),
    )
  })

  test('of two packages are one: with other content the first counts, and it is flagged', async (t) => {
    const { writePrimary, mirror } = await setUp(t)
    const two = [formatElement('a', { hex: '1' }), formatElement('b', { hex: '2', href: 'Packages/a.rpm' })]
    writePrimary(formatPrimary(two))
    const snapshot = await mirror.publish()
    assert.deepEqual(await mirror.defects(snapshot), ['duplicate Packages/a.rpm'])
    assert.equal((await mirror.store.file(snapshot, 'Packages/a.rpm'))?.digest, `sha256:${'1'.repeat(64)}`)
  })
})

describe('xml:base', () => {
  const ELSEWHERE: readonly { readonly base?: string; readonly href?: string }[] = [
    { base: 'http://169.254.169.254/latest/' },
    { base: 'file:///etc/passwd' },
    { base: 'http://other.example/repo/' },
    { base: '//other.example/' },
    { href: 'http://169.254.169.254/a.rpm' },
    { href: 'file:///etc/a.rpm' },
  ]
  for (const { base, href = 'a.rpm' } of ELSEWHERE)
    test(`${base ?? href} is not followed, by us or by clients: the package comes from where the mirror is`, async (t) => {
      const farm = await startFarm(t, { packages: [{ name: 'a', href: 'a.rpm', content: 500 }] })
      const [source] = farm.sources
      const bytes = (await farm.get('a.rpm')).body
      const element = formatElement('a', base === undefined ? { href } : { href, base })
        .replace('0'.repeat(64), digestHex(digestOf(bytes)))
        .replace('package="1"', 'package="500"')
      writeRepodata(farm.root, [{ type: 'primary', content: formatPrimary([element]) }])
      const result = await farm.app.sync('m')
      assert.ok(result.outcome === 'published', JSON.stringify(result))
      assert.equal(result.snapshot.xmlBase, 'rewritten')
      assert.deepEqual(await farm.app.store.defects(result.snapshot), [])
      const path = toBasedHref(base, href) ?? ''
      assert.deepEqual((await httpGet(`${await farm.current('m')}/${path}`)).body, bytes)
      assert.ok(source?.requests.every(({ path: asked }) => /^\/(?:repodata\/.*|a\.rpm)$/.test(asked)))
    })

  test('of a record in repomd.xml is not followed either', async (t) => {
    const { dir, upstream, mirror } = await setUp(t)
    writeSyntheticRepository(dir, { packages: [{ name: 'b' }], withoutFiles: true })
    editRepomd(dir, (text) => text.replaceAll('<location ', '<location xml:base="http://169.254.169.254/" '))
    await mirror.publish()
    assert.ok(upstream.count(/primary/) > 0)
  })
})

describe('checksums of unknown algorithms', () => {
  for (const type of ['crc32', 'sha3-256', 'md4', 'SHA-256', '__proto__', '']) {
    test(`${JSON.stringify(type)} in repomd.xml: refused`, async (t) => {
      const { dir, refuse } = await setUp(t)
      writeSyntheticRepository(dir, { packages: [], withoutFiles: true })
      editRepomd(dir, (text) => text.replace('<checksum type="sha256"', `<checksum type="${type}"`))
      await refuse(/unusable checksum/)
    })

    test(`${JSON.stringify(type)} in primary: refused`, async (t) => {
      const { writePrimary, refuse } = await setUp(t)
      writePrimary(formatPrimary([formatElement('a').replace('type="sha256"', `type="${type}"`)]))
      await refuse(/unusable checksum|missing: checksum/)
    })
  }
})

function nameRecord(index: number, size: string): string {
  return `<data type="t${index}"><checksum type="sha256">${'0'.repeat(64)}</checksum><location href="r/${index}"/><size>${size}</size></data>`
}

/** A zstd file (RFC 8878) of one byte repeated, in blocks that need four bytes for each 128 KiB. */
function zeros(sizeBytes: number, byte = 0): Buffer {
  const block = 128 << 10
  const count = sizeBytes / block
  // Magic number, a window of 128 KiB and no content size.
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38])
  const blocks = Array.from({ length: count }, (_, index) => {
    const bytes = Buffer.alloc(4, byte)
    // Last, of repeated bytes, of this size.
    bytes.writeUIntLE((index === count - 1 ? 1 : 0) | (1 << 1) | (block << 3), 0, 3)
    return bytes
  })
  return Buffer.concat([header, ...blocks])
}

/** Makes these bytes the record of a type. */
function placeRecord(dir: string, type: string, bytes: Buffer, openSize: number | undefined): void {
  const name = `repodata/${type}-bomb`
  writeFileSync(join(dir, name), bytes)
  const checksum = (tag: string) => `<${tag} type="sha256">${digestHex(digestOf(bytes))}</${tag}>`
  const open = openSize === undefined ? '' : `<open-size>${openSize}</open-size>`
  const record = `<data type="${type}">${checksum('checksum')}${checksum('open-checksum')}<location href="${name}"/>${open}</data>`
  editRepomd(dir, (text) =>
    text
      .replace(new RegExp(`  <data type="${type}">.*?</data>\n`, 's'), '')
      .replace('</repomd>', `${record}</repomd>`),
  )
}
