import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { armorKeys, refuseArmoredKeys } from '../../src/config/armor.ts'
import { formatConfig } from '../../src/config/format.ts'
import { Gpg } from '../support/gpg.ts'
import { needs } from '../support/tools.ts'
import { ConfigFile } from './support.ts'

/** A block of armor whose first packet has this octet first. */
function armor(kind: string, firstOctet: number, headers = ''): string {
  const data = Buffer.concat([Buffer.from([firstOctet]), Buffer.alloc(60, 7)]).toString('base64')
  return `-----BEGIN PGP ${kind} BLOCK-----\n${headers}\n${data}\n=abcd\n-----END PGP ${kind} BLOCK-----\n`
}

const KEY = armor('PUBLIC KEY', 0x99)
const FILE = 'a file of OpenPGP public keys'

function mirrors(keys: string): string {
  return `mirrors:\n  m:\n    baseurl: http://h/\n    gpgkey:${keys}\n`
}

function at(line: number, key: string, found: string, why: string): string {
  return `pinyon.yaml:${line}: mirrors.m.${key}: found "${found}", expected ${FILE} (${why})`
}

describe('armored keys', () => {
  const right: readonly (readonly [string, string])[] = [
    ['one', KEY],
    ['of the new packet format', armor('PUBLIC KEY', 0xc6)],
    ['two, with text around them', `The keys of x:\n\n${KEY}\nand\n${KEY}bye`],
    ['with headers', armor('PUBLIC KEY', 0x98, 'Version: GnuPG v1\nComment: a: b\n')],
    ['with CRLF', KEY.replaceAll('\n', '\r\n')],
    ['without an end of line', KEY.trimEnd()],
  ]
  for (const [title, text] of right)
    test(`are right: ${title}`, () => assert.equal(refuseArmoredKeys(Buffer.from(text)), undefined))

  const wrong: readonly (readonly [string, string | Buffer, RegExp])[] = [
    ['nothing', '', /no armored key/],
    ['text', 'hello\n', /no armored key/],
    ['binary', Buffer.from([0x99, 0x01, 0x0d, 0x04]), /no armored key/],
    ['a private key', armor('PRIVATE KEY', 0x95), /something else than a public key/],
    ['a private key after a public one', KEY + armor('PRIVATE KEY', 0x95), /something else/],
    ['a private key that says it is a public one', armor('PUBLIC KEY', 0x95), /no public key/],
    ['a signature', '-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n', /something else/],
    ['no end', KEY.replace(/-----END.*\n/, ''), /no end/],
    ['another end', KEY.replace('END PGP PUBLIC', 'END PGP PRIVATE'), /no end/],
    ['what is no base64', KEY.replace('=abcd', 'a b'), /no public key/],
    ['an empty block', KEY.replace(/\n\n[^]*?\n=abcd/, '\n'), /no public key/],
  ]
  for (const [title, text, reason] of wrong)
    test(`are wrong: ${title}`, () => assert.match(refuseArmoredKeys(Buffer.from(text)) ?? '', reason))
})

describe('binary keys', () => {
  test('are put into armor, as gpg does it', needs('gpg'), async (t) => {
    const gpg = Gpg.create(t)
    const key = await gpg.generate('a', { algorithm: 'ed25519' })
    const armored = await gpg.export([key])
    const binary = await gpg.export([key], '--export-options', 'no-export-attributes')
    assert.equal(armorKeys(binary).toString(), armored.toString())
    assert.equal(armorKeys(armored), armored)
    const config = new ConfigFile(t)
    writeFileSync(join(config.dir, 'key'), binary)
    const [read] = config.mirror(mirrors(' file:key')).gpgKeys ?? []
    assert.deepEqual(read, { file: join(config.dir, 'key'), armored })
  })
})

describe('gpgkey', () => {
  test('is one URL or several; files are read with the configuration, relative to it', (t) => {
    const config = new ConfigFile(t)
    const file = join(config.dir, 'a key.asc')
    writeFileSync(file, KEY)
    const text = `mirrors:
  m:
    baseurl: http://h/
    gpgcheck: false
    gpgkey: [ 'https://h/key-$releasever?op=get', 'file:a%20key.asc', 'file://${config.dir}/a%20key.asc' ]
`
    const held = { file, armored: Buffer.from(KEY) }
    const { gpgKeys, gpgcheck } = config.mirror(text)
    assert.deepEqual([gpgKeys, gpgcheck], [[{ url: 'https://h/key-$releasever?op=get' }, held, held], false])
    assert.deepEqual(
      config.mirror('mirrors: {m: {baseurl: http://h/, gpgkey: "file:a%20key.asc"}}').gpgKeys,
      [held],
    )
    // What is printed loads again as the same.
    const loaded = config.load(text)
    assert.match(
      formatConfig(loaded),
      /gpgkey:\n {6}- https:\/\/h\/key-\$releasever\?op=get\n {6}- file:\/\/\/.*a%20key\.asc\n/,
    )
    assert.deepEqual(config.load(formatConfig(loaded)), loaded)
    assert.equal('gpgKeys' in config.mirror('mirrors: {m: {baseurl: http://h/}}'), false)
  })

  test('is refused for what is no URL of a key', (t) => {
    const config = new ConfigFile(t)
    const key = 'an http, https or file URL of a key'
    const cases: readonly (readonly [yaml: string, found: string, expected: string])[] = [
      ['/etc/pki/key', '"/etc/pki/key"', key],
      ['', 'nothing', 'a URL or a list of URLs'],
      ['ftp://h/k', '"ftp://h/k"', key],
      ['"http://u:p@h/k"', '"http://***@h/k"', `${key}, without credentials`],
      ['"http://h/k#x"', '"http://h/k#x"', `${key}, without a fragment`],
      ['file://host/k', '"file://host/k"', 'a file URL without host: file:///path or file:path'],
      ['"http://h/a b"', '"http://h/a b"', key],
      ['"file:"', '"file:"', key],
      ['3', '3', 'a URL or a list of URLs'],
      ['[]', 'an empty list', 'a URL or a list of URLs, at least one'],
    ]
    for (const [yaml, found, expected] of cases)
      assert.deepEqual(config.problems(mirrors(` ${yaml}`)), [
        `pinyon.yaml:4: mirrors.m.gpgkey: found ${found}, expected ${expected}`,
      ])
    assert.match(
      config.problems(mirrors(' http://h/\n    gpgcheck: 1')).join(),
      /gpgcheck: found 1, expected true or false/,
    )
    const unverified = config.problems(mirrors(' http://h/$releasever\n    repo_gpgcheck: true')).join()
    assert.match(unverified, /repo_gpgcheck: found true, expected false, or a gpgkey with yum's variables/)
    const without = config.problems('mirrors: { m: { baseurl: http://h/, repo_gpgcheck: true } }').join()
    assert.match(without, /repo_gpgcheck: found true, expected false, or a gpgkey beside it/)
    assert.equal(config.mirror(mirrors(' http://h/k\n    repo_gpgcheck: true')).repoGpgcheck, true)
  })

  test('is refused with its line when its file is none to hand out', (t) => {
    const config = new ConfigFile(t)
    writeFileSync(join(config.dir, 'private'), armor('PRIVATE KEY', 0x95))
    writeFileSync(join(config.dir, 'large'), KEY.padEnd(1_048_577))
    writeFileSync(join(config.dir, 'largest'), KEY.padEnd(1_048_576))
    assert.deepEqual(config.problems(mirrors(' file:none')), [
      at(4, 'gpgkey', 'file:none', 'reading none: ENOENT'),
    ])
    assert.deepEqual(
      config.problems(mirrors('\n    - http://h/k\n    - file:private\n    - file:large\n    - file:.')),
      [
        at(6, 'gpgkey[1]', 'file:private', 'it holds armor of something else than a public key'),
        at(7, 'gpgkey[2]', 'file:large', 'it is larger than 1048576 bytes'),
        at(8, 'gpgkey[3]', 'file:.', 'reading : not a regular file'),
      ],
    )
    assert.equal(config.mirror(mirrors(' file:largest')).gpgKeys?.length, 1)
  })
})
