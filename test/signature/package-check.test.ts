import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import * as fc from 'fast-check'

import { judgeKeys } from '../../src/signature/judge-keys.ts'
import { PackageCheck } from '../../src/signature/package-check.ts'
import type { SigningKey } from '../../src/signature/signing-key.ts'
import type { Verdict } from '../../src/signature/verify.ts'
import { Gpg } from '../support/gpg.ts'
import { buildRpms } from '../support/rpm.ts'
import { checkRpm, signRpms } from '../support/sign-rpm.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

// Each package is given to rpmkeys as well: what it calls signed, and nothing else, is signed.

const TOOLS = needs('gpg', 'rpmbuild', 'rpmsign', 'rpmkeys')
const DAY_S = 86_400
const NOW_S = Math.floor(Date.now() / 1000)
/** Where a header's tags for signatures over the header are looked for. */
const [RSA_TAG, GPG_TAG] = [268, 1005]

let gpg: Gpg
const keys = new Map<string, string>()

before(async () => {
  if (TOOLS.skip !== false) return
  gpg = new Gpg()
  for (const algorithm of ['rsa1024', 'rsa2048', 'rsa4096', 'dsa1024', 'ed25519'])
    keys.set(algorithm, await gpg.generate(algorithm, { algorithm }))
  keys.set('subkey', await gpg.generate('subkey', { subkey: 'rsa2048' }))
  keys.set('other', await gpg.generate('other'))
})
after(() => gpg?.close())

function id(name: string): string {
  return keys.get(name) ?? assert.fail(`no such key: ${name}`)
}

async function ring(...names: readonly string[]): Promise<readonly SigningKey[]> {
  return (await judgeKeys(await gpg.export(names.map(id)), Date.now())).keys
}

/** A package of 30 KB, signed unless by nobody. */
async function build(t: TestContext, signer?: string, ...args: readonly string[]): Promise<string> {
  const dir = tempDir(t)
  const [file = ''] = await buildRpms([{ name: 'signed', sizeBytes: 30_000 }], dir)
  if (signer !== undefined) await signRpms(gpg, id(signer), [file], ...args)
  return file
}

function check(
  bytes: Uint8Array,
  known: readonly SigningKey[],
  pieceBytes = 4096,
  nowMs = Date.now(),
): Verdict {
  const checked = new PackageCheck(known, nowMs)
  for (let at = 0; at < bytes.length && !checked.isSettled; at += pieceBytes)
    checked.update(bytes.subarray(at, at + pieceBytes))
  return checked.finish()
}

/** The verdict, which must be that of rpmkeys. */
async function judge(t: TestContext, file: string, signer: string): Promise<Verdict> {
  const keyFile = join(tempDir(t), 'KEY')
  writeFileSync(keyFile, await gpg.export([id(signer)]))
  const verdict = check(readFileSync(file), await ring(signer))
  const said = await checkRpm(file, [keyFile])
  assert.equal(verdict.good !== undefined, /signatures OK/.test(said), `${verdict.reason} rpmkeys: ${said}`)
  return verdict
}

function reasonOf(verdict: Verdict): string {
  return verdict.reason ?? 'it is good'
}

/** Where the entry of a tag is in the signature header's index. */
function findEntry(bytes: Buffer, tag: number): number {
  for (let at = 112; at < 112 + 16 * bytes.readUInt32BE(104); at += 16)
    if (bytes.readUInt32BE(at) === tag) return at
  return assert.fail(`no entry of tag ${tag}`)
}

/** Where the header proper begins. */
function headerAt(bytes: Buffer): number {
  const data = bytes.readUInt32BE(108)
  return 112 + 16 * bytes.readUInt32BE(104) + data + ((8 - (data % 8)) % 8)
}

describe('a package is signed', TOOLS, () => {
  for (const signer of ['rsa1024', 'rsa2048', 'rsa4096', 'dsa1024', 'ed25519', 'subkey'])
    test(`by ${signer}, however its bytes come`, async (t) => {
      const file = await build(t, signer)
      assert.equal((await judge(t, file, signer)).good?.key.primary, id(signer))
      const [bytes, known] = [readFileSync(file), await ring('other', signer)]
      for (const pieceBytes of [1, 7, 1000, 1 << 20])
        assert.equal(check(bytes, known, pieceBytes).good?.key.primary, id(signer), `${pieceBytes}`)
    })

  test('over its header, of which no byte may change', async (t) => {
    const file = await build(t, 'rsa2048')
    const bytes = readFileSync(file)
    const [known, begins] = [await ring('rsa2048'), headerAt(bytes)]
    for (let at = begins + 16; at < begins + 400; at += 13) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 4
      assert.equal(check(changed, known).good, undefined, `byte ${at}`)
    }
  })

  test('over header and payload, as old rpm did, of which no byte may change', async (t) => {
    const file = await build(t, 'dsa1024', '--rpmv3')
    const bytes = readFileSync(file)
    // As if the signature over the header alone had never been made.
    bytes.writeUInt32BE(9999, findEntry(bytes, 267))
    const known = await ring('dsa1024')
    assert.ok(findEntry(bytes, GPG_TAG) > 0)
    assert.equal(check(bytes, known).good?.key.primary, id('dsa1024'))
    bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1
    assert.match(reasonOf(check(bytes, known)), /no signature of these bytes/)
  })

  test('by a key that has expired since', async (t) => {
    keys.set('brief', await gpg.generate('brief', { expires: `seconds=${DAY_S}` }))
    const bytes = readFileSync(await build(t, 'brief'))
    const [armored, later] = [await gpg.export([id('brief')]), (NOW_S + 30 * DAY_S) * 1000]
    const { keys: known } = await judgeKeys(armored, later)
    assert.equal(check(bytes, known, 4096, later).good?.key.primary, id('brief'))
  })
})

describe('a package is not signed', TOOLS, () => {
  test('without a signature', async (t) => {
    const file = await build(t)
    assert.equal(reasonOf(await judge(t, file, 'rsa2048')), 'the package is not signed')
  })

  test('by an unknown key', async (t) => {
    const file = await build(t, 'other')
    assert.match(
      reasonOf(await judge(t, file, 'rsa2048')),
      new RegExp(`unknown key: ${id('other')}; gpgkey has`),
    )
  })

  test('by a key that is revoked', async (t) => {
    keys.set('gone', await gpg.generate('gone'))
    const bytes = readFileSync(await build(t, 'gone'))
    await gpg.revoke(id('gone'))
    assert.match(reasonOf(check(bytes, await ring('gone'))), /the key is revoked/)
  })

  test('when its header is that of another package', async (t) => {
    const signed = readFileSync(await build(t, 'rsa2048'))
    const dir = tempDir(t)
    const [other = ''] = await buildRpms([{ name: 'another' }], dir)
    const foreign = readFileSync(other)
    const file = join(dir, 'mixed.rpm')
    writeFileSync(
      file,
      Buffer.concat([signed.subarray(0, headerAt(signed)), foreign.subarray(headerAt(foreign))]),
    )
    assert.match(reasonOf(await judge(t, file, 'rsa2048')), /no signature of these bytes/)
  })

  test('when it is cut short, or none', async (t) => {
    const file = await build(t, 'rsa2048')
    const bytes = readFileSync(file)
    const known = await ring('rsa2048')
    for (const length of [0, 50, 100, 200, headerAt(bytes), headerAt(bytes) + 30])
      assert.equal(reasonOf(check(bytes.subarray(0, length), known)), 'it ends within its header')
    assert.match(reasonOf(check(Buffer.alloc(500, 'x'), known)), /no rpm package begins with: 78787878/)
    const entry = Buffer.from(bytes)
    entry.writeUInt32BE(1 << 30, 104)
    assert.match(reasonOf(check(entry, known)), /larger than rpm allows/)
    const large = Buffer.from(bytes)
    large.writeUInt32BE(1 << 20, findEntry(large, RSA_TAG) + 12)
    assert.match(reasonOf(check(large, known)), /a signature of more bytes than: 8192/)
  })

  test('whatever its bytes are, and it costs little', async (t) => {
    const bytes = readFileSync(await build(t, 'rsa2048'))
    const known = await ring('rsa2048')
    const changes = fc.array(
      fc.tuple(fc.integer({ min: 0, max: headerAt(bytes) + 40 }), fc.integer({ min: 0, max: 255 })),
      { minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(changes, (all) => {
        const changed = Buffer.from(bytes)
        for (const [at, value] of all) changed[at] = value
        const verdict = check(changed, known, 1 << 20)
        assert.ok(verdict.good !== undefined || verdict.reason.length > 0)
        const isSame = changed.subarray(headerAt(bytes)).equals(bytes.subarray(headerAt(bytes)))
        if (!isSame) assert.equal(verdict.good, undefined)
      }),
      { numRuns: 500 },
    )
  })
})
