import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PackageRecord } from '../../src/model/repodata.ts'
import { MAX_ELEMENT_BYTES, type PrimaryBatch } from '../../src/repodata/primary-scanner.ts'
import { WINDOW_BYTES } from '../../src/repodata/windows.ts'
import { readPrimary } from '../../src/repodata/primary.ts'
import { everyBytes, stream } from './pieces.ts'

const SHA256 = 'a'.repeat(64)

const PARTS = {
  name: '<name>bash</name>',
  arch: '<arch>x86_64</arch>',
  version: '<version epoch="1" ver="5.1" rel="2.el9"/>',
  checksum: `<checksum type="sha256" pkgid="YES">${SHA256}</checksum>`,
  summary: '<summary>Shell!</summary>',
  description: '<description>The shell? Yes.</description>',
  packager: '<packager></packager>',
  url: '<url></url>',
  time: '<time file="1" build="2"/>',
  size: '<size package="123" installed="4" archive="5"/>',
  location: '<location href="Packages/b/bash.rpm"/>',
  format: '<format><rpm:license>GPL</rpm:license></format>',
}

const BASH: PackageRecord = {
  href: 'Packages/b/bash.rpm',
  checksum: `sha256:${SHA256}`,
  size: 123,
  name: 'bash',
  epoch: '1',
  version: '5.1',
  release: '2.el9',
  arch: 'x86_64',
}

/** A canonical package, with parts of it changed. */
function packageOf(changes: Partial<typeof PARTS> = {}, type = ' type="rpm"'): string {
  return `<package${type}>\n  ${Object.values({ ...PARTS, ...changes }).join('\n  ')}\n</package>\n`
}

function metadata(content: string, attributes = ' packages="1"'): string {
  const namespaces =
    'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
  return `<?xml version="1.0" encoding="UTF-8"?>\n<metadata ${namespaces}${attributes}>\n${content}</metadata>`
}

async function batchesOf(document: string | Buffer, size = 1000): Promise<PrimaryBatch[]> {
  return Array.fromAsync(readPrimary(stream(everyBytes(Buffer.from(document), size))))
}

async function packagesOf(document: string | Buffer, size?: number): Promise<PackageRecord[]> {
  return (await batchesOf(document, size)).flatMap((batch) => batch.packages)
}

function refusal(message: RegExp): { code: string; message: RegExp } {
  return { code: 'REPODATA_MALFORMED', message }
}

describe('what a package gives', () => {
  const cases: [string, string, Partial<Record<keyof PackageRecord, unknown>>][] = [
    ['as createrepo_c writes it', packageOf(), BASH],
    ['without type', packageOf({}, ''), BASH],
    ['an absent epoch', packageOf({ version: '<version ver="5.1" rel="2.el9"/>' }), { epoch: '0' }],
    ['an empty epoch', packageOf({ version: '<version epoch="" ver="5.1" rel="2.el9"/>' }), { epoch: '0' }],
    ['an absent release', packageOf({ version: '<version epoch="1" ver="5.1"/>' }), { release: '' }],
    [
      'sha, an old name of sha1',
      packageOf({ checksum: `<checksum type="sha">${'B'.repeat(40)}</checksum>` }),
      {
        checksum: `sha1:${'b'.repeat(40)}`,
      },
    ],
    ['no size', packageOf({ size: '' }), { size: undefined }],
    [
      'a size that is none',
      packageOf({ size: '<size package="-1" installed="4" archive="5"/>' }),
      { size: undefined },
    ],
    [
      'a base',
      packageOf({ location: '<location xml:base="http://a/" href="b.rpm"/>' }),
      { href: 'b.rpm', base: 'http://a/' },
    ],
    ['an empty base', packageOf({ location: '<location xml:base="" href="b.rpm"/>' }), { base: undefined }],
    [
      'references in a canonical package',
      packageOf({ name: '<name>a&amp;b&#43;&#x2B;</name>' }),
      { name: 'a&b++' },
    ],
    [
      'an href that is never percent-decoded',
      packageOf({ location: '<location href="a%2Bb&amp;+~^.rpm"/>' }),
      {
        href: 'a%2Bb&+~^.rpm',
      },
    ],
    ['UTF-8', packageOf({ location: '<location href="ü/漢\u00a0.rpm"/>' }), { href: 'ü/漢\u00a0.rpm' }],
    ['an end tag in a comment', packageOf({ format: '<format><!-- </package> --></format>' }), BASH],
    [
      'an end tag in CDATA',
      packageOf({ description: '<description><![CDATA[</package>]]></description>' }),
      BASH,
    ],
    [
      'a nested package',
      packageOf({ format: `<format>${packageOf({ name: '<name>inner</name>' })}</format>` }),
      BASH,
    ],
    ['line ends within a value', packageOf({ name: '<name>a\r\nb\rc</name>' }), { name: 'a\nb\nc' }],
    [
      'line ends within an attribute',
      packageOf({ version: '<version ver="1\r\n\t2&#10;3"/>' }),
      { version: '1  2\n3' },
    ],
    ['two nested packages', packageOf({ format: `<format>${packageOf()}${packageOf()}</format>` }), BASH],
    [
      'the end of one package and the beginning of another in a comment',
      packageOf({ format: '<format><!-- </package>\n<package type="rpm"> --></format>' }),
      BASH,
    ],
    [
      'the same in a processing instruction',
      packageOf({ format: '<format><? </package>\n<package type="rpm"> ?></format>' }),
      BASH,
    ],
    ['white space written into a value', packageOf({ name: '<name>\n bash\t</name>' }), BASH],
    [
      "another vocabulary's element first",
      packageOf({ name: '<x:name>other</x:name><name>bash</name>' }),
      BASH,
    ],
  ]
  for (const [what, element, expected] of cases) {
    test(what, async () => {
      const packages = await packagesOf(metadata(element))
      assert.equal(packages.length, 1)
      const known = Object.fromEntries(
        Object.keys(expected).map((key) => [key, packages[0]?.[key as keyof PackageRecord]]),
      )
      assert.deepEqual(known, expected)
    })
  }
})

describe('packages that are refused, by name', () => {
  const cases: [string, string, RegExp][] = [
    ['no name', packageOf({ name: '' }), /package "Packages\/b\/bash\.rpm": missing: name$/],
    ['no arch', packageOf({ arch: '<arch/>' }), /package "bash": missing: arch$/],
    ['no version', packageOf({ version: '' }), /package "bash": missing: version$/],
    ['no checksum', packageOf({ checksum: '' }), /package "bash": missing: checksum$/],
    ['no location', packageOf({ location: '<location/>' }), /package "bash": missing: location href$/],
    [
      'a checksum that is too short',
      packageOf({ checksum: '<checksum type="sha256" pkgid="YES">abc</checksum>' }),
      /package "bash": unusable checksum: "sha256:abc"$/,
    ],
    ['another type', packageOf({}, ' type="deb"'), /package "bash": type other than rpm: "deb"$/],
    ['an undeclared entity', packageOf({ name: '<name>&nbsp;</name>' }), /not a reference to a character/],
    ['a character XML has not', packageOf({ name: '<name>&#0;</name>' }), /not a reference to a character/],
    ['bytes that are not UTF-8', packageOf({ name: '<name>\u00ff</name>' }), /not UTF-8/],
    [
      'tags that do not match',
      packageOf({ arch: '<arch>x86_64</name>' }),
      /expected <\/arch>, found "<\/name>"/,
    ],
    [
      'an attribute twice',
      packageOf({ version: '<version ver="1" ver="2"/>' }),
      /an attribute twice in one tag: "ver"/,
    ],
    ['endless nesting', packageOf({ format: `<!-- -->${'<a>'.repeat(1000)}` }), /nested deeper than 64/],
  ]
  for (const [what, element, message] of cases) {
    test(what, async () => {
      await assert.rejects(packagesOf(Buffer.from(metadata(element), 'latin1')), refusal(message))
    })
  }
})

describe('documents', () => {
  test('locations that nothing can stand for are told apart, and the stated count is passed on', async () => {
    const outside = packageOf({ location: '<location href="/etc/passwd"/>' })
    const batches = await batchesOf(metadata(outside + packageOf(), ' packages="7"'))
    assert.deepEqual(
      batches.flatMap((batch) => batch.packages),
      [BASH],
    )
    assert.deepEqual(
      batches.flatMap((batch) => batch.unreachable),
      ['/etc/passwd'],
    )
    assert.equal(batches.at(-1)?.statedCount, 7)
  })

  test('empty ones yield a batch all the same', async () => {
    for (const document of [metadata('', ' packages="0"'), '<metadata packages="0"/>']) {
      const batches = await batchesOf(document)
      assert.deepEqual(batches.at(-1), { packages: [], unreachable: [], statedCount: 0 })
    }
  })

  test('prefixes are only prefixes', async () => {
    const prefixed = packageOf().replace(/<(\/?)(?!\/|rpm:)/g, '<$1p:')
    const document = `<p:metadata xmlns:p="http://linux.duke.edu/metadata/common" packages="1">${prefixed}</p:metadata>`
    assert.deepEqual(await packagesOf(document), [BASH])
  })

  test('ISO-8859-1 is read, and other encodings are refused by name', async () => {
    const named = metadata(packageOf({ name: '<name>bäsh</name>' }))
    const latin = Buffer.from(named.replace('UTF-8', 'iso-8859-1'), 'latin1')
    assert.equal((await packagesOf(latin))[0]?.name, 'bäsh')
    await assert.rejects(
      packagesOf(named.replace('UTF-8', 'EUC-JP')),
      refusal(/encoding not supported: "EUC-JP"$/),
    )
    const wide = Buffer.from(`\ufeff${named}`, 'utf16le')
    await assert.rejects(packagesOf(wide), refusal(/encoding not supported: UTF-16$/))
  })

  const broken: [string, string, RegExp][] = [
    ['nothing', '', /truncated: no root element$/],
    ['a login page', '<!DOCTYPE html><html></html>', /declarations are refused: "<!DOCTYPE"$/],
    ['an HTML page', '<html><body/></html>', /expected <metadata>, found "<html>"$/],
    ['not XML', 'Not Found', /not XML: "Not Found"$/],
    ['entities', `<!DOCTYPE m [<!ENTITY a "b">]>${metadata(packageOf())}`, /declarations are refused/],
    ['text after its end', `${metadata('')}garbage`, /text after <\/metadata>: "garbage"$/],
    ['a second root', `${metadata('')}<metadata/>`, /content after <\/metadata>: "<metadata\/>"$/],
    ['another end tag', metadata('</package>'), /expected <\/metadata>, found "<\/package>"$/],
  ]
  for (const [what, document, message] of broken) {
    test(`${what} is refused`, async () => {
      await assert.rejects(packagesOf(document), refusal(message))
    })
  }

  test('a document cut short anywhere is refused', async () => {
    const document = metadata(packageOf() + packageOf({ location: `<location href='b.rpm'/>` }))
    for (let length = 0; length < document.length; length++) {
      await assert.rejects(packagesOf(document.slice(0, length)), refusal(/truncated: no /))
    }
  })
})

/** A package of at least this many bytes, canonical or not. */
function largePackage(bytes: number, isCanonical: boolean): string {
  const file = '<file>/usr/bin/!?</file>\n'
  const files = file.repeat(Math.ceil(bytes / file.length))
  return packageOf({ format: `<format>${files}${isCanonical ? '' : '<!-- -->'}</format>` })
}

/** The beginning, and three times as much of the rest as an element may have. */
async function* endless(beginning: string, rest: string): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(metadata('').replace('</metadata>', beginning))
  const chunk = Buffer.from(rest.repeat(Math.ceil(1_000_000 / rest.length)))
  for (let bytes = 0; bytes < 3 * MAX_ELEMENT_BYTES; bytes += chunk.length) yield chunk
}

describe('sizes', () => {
  for (const isCanonical of [true, false]) {
    test(`packages larger than what is read at once, ${isCanonical ? '' : 'not '}canonical`, async () => {
      const sizes = [WINDOW_BYTES - 1000, WINDOW_BYTES, 3 * WINDOW_BYTES, 1_100_000, 100]
      const document = metadata(sizes.map((size) => largePackage(size, isCanonical) + packageOf()).join(''))
      const expected = sizes.flatMap(() => [BASH, BASH])
      for (const pieceSize of [1000, 50_000, 1_000_000, document.length]) {
        assert.deepEqual(await packagesOf(document, pieceSize), expected)
      }
    })
  }

  test('an element without end is refused at 16 MiB, whatever it is', async () => {
    const open = packageOf().replace('</package>', '')
    const rest = `<a b=">">${'x'.repeat(1000)}</a>`
    for (const beginning of [open, '<package>', '<other>', '<!-- ', '<other a="', '<![CDATA[']) {
      const reading = Array.fromAsync(readPrimary(endless(beginning, beginning.endsWith('"') ? 'x>' : rest)))
      await assert.rejects(reading, refusal(/an element larger than 16777216 bytes: "</))
    }
  })

  test('a consumer that stops lets go of the source', async () => {
    let isClosed = false
    async function* source(): AsyncGenerator<Buffer, void, undefined> {
      try {
        yield Buffer.from(metadata('').replace('</metadata>', ''))
        for (;;) yield Buffer.from(packageOf().repeat(1000))
      } finally {
        isClosed = true
      }
    }
    for await (const batch of readPrimary(source())) if (batch.packages.length > 0) break
    assert.ok(isClosed)
  })
})
