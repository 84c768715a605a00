import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { matchesSignature } from '../../src/signature/signature-match.ts'
import { signDetached } from '../support/detached-signature.ts'

const CONTENT = Buffer.from('<repomd>1</repomd>\n')
const OTHER = Buffer.from('<repomd>2</repomd>\n')
const HAS_GPG = spawnSync('gpg', ['--version']).status === 0

describe('a signature', () => {
  test('is told from that of other bytes, armoured or not, alone or one of two', () => {
    const own = signDetached(CONTENT)
    const packet = Buffer.from(own.split('\n').slice(2, -2).join(''), 'base64')
    const other = Buffer.from(signDetached(OTHER).split('\n').slice(2, -2).join(''), 'base64')
    for (const signature of [Buffer.from(own), packet, Buffer.concat([other, packet])]) {
      assert.equal(matchesSignature(CONTENT, signature), true)
      assert.equal(matchesSignature(Buffer.from('third'), signature), false)
    }
    assert.equal(matchesSignature(CONTENT, other), false)
    assert.equal(matchesSignature(CONTENT, Buffer.from(own.replaceAll('\n', '\r\n'))), true)
  })

  test('of which nothing is known is not judged', () => {
    const own = Buffer.from(signDetached(CONTENT))
    const unknown = [
      '',
      '-----BEGIN PGP SIGNATURE-----\nof what?',
      '-----BEGIN PGP SIGNATURE-----\n\n=abcd\n-----END PGP SIGNATURE-----',
    ]
    for (const text of unknown) assert.equal(matchesSignature(CONTENT, Buffer.from(text)), undefined)
    const packet = Buffer.from(own.toString().split('\n').slice(2, -2).join(''), 'base64')
    for (const [at, value] of [
      [2, 5],
      [3, 1],
      [5, 99],
    ] as const) {
      const changed = Buffer.from(packet)
      changed[at] = value
      assert.equal(matchesSignature(CONTENT, changed), undefined, `version, type or hash: ${at}`)
    }
  })

  test('may be any bytes: it is judged or not, and nothing more', () => {
    const packets = Buffer.from(signDetached(CONTENT).split('\n').slice(2, -2).join(''), 'base64')
    fc.assert(
      fc.property(fc.nat(packets.length), fc.uint8Array({ maxLength: 12 }), fc.nat(20), (at, bytes, skip) => {
        const changed = Buffer.concat([packets.subarray(0, at), bytes, packets.subarray(at + skip)])
        assert.ok([true, false, undefined].includes(matchesSignature(CONTENT, changed)))
      }),
      { seed: 20_161_213, numRuns: 3_000 },
    )
  })

  test('of gpg is read as gpg means it', { skip: HAS_GPG ? false : 'gpg is not installed' }, (t) => {
    const home = mkdtempSync(join(tmpdir(), 'gpg-'))
    const env = { ...process.env, GNUPGHOME: home }
    const run = (command: string, ...args: string[]) => {
      const { status, stderr } = spawnSync(command, args, { env, encoding: 'utf8' })
      assert.equal(status, 0, stderr)
    }
    t.after(() => {
      spawnSync('gpgconf', ['--kill', 'all'], { env })
      rmSync(home, { recursive: true, force: true })
    })
    const gpg = ['--batch', '--yes', '--passphrase', '']
    run('gpg', ...gpg, '--quick-gen-key', 'test@example.org', 'rsa2048', 'sign')
    writeFileSync(join(home, 'file'), CONTENT)
    for (const options of [
      ['--armor'],
      [],
      ['--digest-algo', 'sha512'],
      ['--digest-algo', 'sha384', '--armor'],
    ]) {
      run('gpg', ...gpg, ...options, '--detach-sign', '-o', join(home, 'sig'), join(home, 'file'))
      const signature = readFileSync(join(home, 'sig'))
      assert.equal(matchesSignature(CONTENT, signature), true, options.join(' '))
      assert.equal(matchesSignature(OTHER, signature), false, options.join(' '))
    }
  })
})
