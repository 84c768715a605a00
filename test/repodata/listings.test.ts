import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { parseChecksumList } from '../../src/repodata/checksum-list.ts'
import { MAX_INDEX_ENTRIES, parseDirectoryIndex } from '../../src/repodata/directory-index.ts'

const SHA256 = digestOf('a').slice(7)
const SHA1 = digestOf('a', 'sha1').slice(5)

function read(text: string, directory = '/pub/x/'): readonly string[] | undefined {
  return parseDirectoryIndex(Buffer.from(text), directory)
}

describe('indexes of directories', () => {
  const names = ['LICENSE', 'RPM-GPG-KEY-x y', 'a+b&c.txt']
  const indexes = {
    'Apache httpd': `<!DOCTYPE HTML><html><head><title>Index of /pub/x</title></head><body><table><tr><th><a href="?C=N;O=D">Name</a></th></tr>
<tr><td><a href="/pub/">Parent Directory</a></td></tr><tr><td><a href="repodata/">repodata/</a></td></tr>
<tr><td><a href="LICENSE">LICENSE</a></td><td align="right">2016</td></tr><tr><td><A HREF='RPM-GPG-KEY-x%20y'>RPM..&gt;</A></td></tr>
<tr><td><a class="f" href="a+b&amp;c.txt">a+b&amp;c.txt</a></td></tr></table></body></html>`,
    nginx: `<html><head><title>Index of /pub/x/</title></head><body><h1>Index of /pub/x/</h1><hr><pre><a href="../">../</a>
<a href="repodata/">repodata/</a>  01-Jan-2026 -
<a href="LICENSE">LICENSE</a>\n<a href="RPM-GPG-KEY-x%20y">RPM-GPG-KEY-x y</a>\n<a href="a+b&amp;c.txt">a+b&amp;c.txt</a></pre></body></html>`,
    'nginx, in JSON': JSON.stringify([
      { name: 'repodata', type: 'directory' },
      ...['LICENSE', 'RPM-GPG-KEY-x y', 'a+b&c.txt'].map((name) => ({ name, type: 'file', size: 7 })),
    ]),
    Caddy: `<!DOCTYPE html><html><body><a href="..">Up</a><a href="./repodata/">repodata</a><a href="./LICENSE">LICENSE</a>
<a href="./RPM-GPG-KEY-x%20y"><span>k</span></a><a href=./a+b&amp;c.txt>x</a></body></html>`,
    'links that begin at the root': `<html><a href="/">Home</a><a href="/pub/x/LICENSE">L</a><a href="/pub/x/RPM-GPG-KEY-x%20y">K</a>
<a href="/pub/x/a+b&amp;c.txt">t</a><a href="/pub/y/other">o</a><a href="https://example.org/pub/x/elsewhere">e</a></html>`,
  }
  for (const [server, text] of Object.entries(indexes))
    test(`of ${server}`, () => assert.deepEqual(read(text), names))

  test('are none: pages without links, text, half of a JSON', () => {
    for (const text of ['', 'hello', '<html><body>Please log in</body></html>', '[{"name":"a"', '{"a":1}'])
      assert.equal(read(text), undefined, text)
  })

  test('name no file elsewhere, and no more than they may', () => {
    const links = [
      '../a',
      '/etc/passwd',
      'a/b',
      '..',
      '.',
      '%2e%2e%2fa',
      'a%00b',
      '%',
      'a\\b',
      'javascript:x//',
    ]
    assert.deepEqual(read(links.map((href) => `<a href="${href}">x</a>`).join('')), [])
    const many = Array.from({ length: 2 * MAX_INDEX_ENTRIES }, (_, index) => `<a href="${index}">x</a>`)
    assert.equal(read(many.join(''))?.length, MAX_INDEX_ENTRIES)
  })

  test('of two megabytes that never end a link take no time', () => {
    const startedAt = performance.now()
    for (const piece of ['<a ', '<a href="', "<a href='x' ", '<a href=x><a '])
      read(piece.repeat(Math.ceil((2 << 20) / piece.length)))
    assert.ok(performance.now() - startedAt < 20_000)
  })
})

describe('lists of checksums', () => {
  test('are of coreutils and BSD, signed or not', () => {
    const text = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# comment
${SHA256}  boot/x86_64/linux
${SHA256} *./EULA
SHA256 (a (b).iso) = ${SHA256}\nSHA256 (a.iso) = ${SHA256}\r
${SHA1}  old
${'a'.repeat(32)}  md5
${SHA256}  ../above
${SHA256}  repodata/repomd.xml
${SHA256}  boot/x86_64/linux
-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n`
    assert.deepEqual(parseChecksumList(Buffer.from(text)), [
      { path: 'boot/x86_64/linux', digest: `sha256:${SHA256}` },
      { path: 'EULA', digest: `sha256:${SHA256}` },
      { path: 'a.iso', digest: `sha256:${SHA256}` },
      { path: 'old', digest: `sha1:${SHA1}` },
    ])
    assert.deepEqual(parseChecksumList(Buffer.from('<html>no</html>')), [])
  })
})
