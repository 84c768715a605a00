import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'

import { PinyonError } from '../../src/model/errors.ts'
import { readBlocks } from '../../src/signature/armor.ts'
import { judgeKeys } from '../../src/signature/judge-keys.ts'
import { readPackets } from '../../src/signature/packets.ts'
import { readDetached, verifyDetached } from '../../src/signature/verify.ts'

const MIB = 2 ** 20

/** A signature packet of version 4 with these hashed subpackets. */
function signaturePacket(hashed: Buffer): Buffer {
  const counts = Buffer.alloc(2)
  counts.writeUInt16BE(hashed.length)
  const body = Buffer.concat([
    Buffer.of(4, 0, 1, 8),
    counts,
    hashed,
    Buffer.alloc(2),
    Buffer.of(1, 2),
    Buffer.of(0, 1, 1),
  ])
  const header = Buffer.alloc(6)
  header[0] = 0xc2
  header[1] = 255
  header.writeUInt32BE(body.length, 2)
  return Buffer.concat([header, body])
}

/** Milliseconds that something takes. */
function timed(work: () => unknown): number {
  const startedAt = performance.now()
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof PinyonError, String(error))
  }
  return performance.now() - startedAt
}

describe('bytes that are no signature', () => {
  test('are refused with a reason, whatever they are', () => {
    const armored = fc
      .string()
      .map((text) => Buffer.from(`-----BEGIN PGP SIGNATURE-----\n\n${text}\n-----END PGP SIGNATURE-----\n`))
    const packets = fc
      .uint8Array({ maxLength: 80 })
      .map((bytes) => Buffer.concat([Buffer.of(0x88, bytes.length), bytes]))
    const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(armored, packets, any, any.map(signaturePacket)), (bytes) => {
        const verdict = verifyDetached(Buffer.of(1), bytes, [], 0)
        assert.equal(verdict.good, undefined)
        assert.ok(verdict.reason.length > 0 && verdict.reason.length < 400)
      }),
      { numRuns: 3000 },
    )
  })

  const large: [string, Buffer][] = [
    ['beginnings of armour', Buffer.from('-----BEGIN PGP SIGNATURE-----\n'.repeat(MIB / 30))],
    ['empty blocks', Buffer.from('-----BEGIN PGP X-----\n-----END PGP X-----\n'.repeat(MIB / 42))],
    ['empty lines', Buffer.alloc(MIB, '\n')],
    [
      'empty packets',
      Buffer.from(new Uint8Array(MIB).fill(0xc2).map((byte, index) => (index % 2 === 0 ? byte : 0))),
    ],
    ['empty subpackets', signaturePacket(Buffer.alloc(65_000, 1))],
  ]
  for (const [name, bytes] of large)
    test(`cost little: a MiB of ${name}`, () => {
      // Ten times what it takes.
      assert.ok(timed(() => readDetached(bytes)) < 20_000)
    })

  test('are no packets that go beyond their end', () => {
    for (const bytes of [
      Buffer.of(0x88),
      Buffer.of(0xc2, 255, 255, 255, 255, 255),
      Buffer.of(0xc2, 200),
      Buffer.of(0x89, 1),
    ])
      assert.throws(() => readPackets(bytes), { code: 'SIGNATURE_MALFORMED' })
  })

  test('are no armour that is not base64, or does not end', () => {
    const begin = '-----BEGIN PGP SIGNATURE-----\n'
    for (const text of [
      `${begin}\nAAAA`,
      `${begin}\nA-B\n-----END PGP SIGNATURE-----`,
      `${begin}\nAA==AA\n-----END PGP SIGNATURE-----`,
    ])
      assert.throws(() => readBlocks(Buffer.from(text)), { code: 'SIGNATURE_MALFORMED' })
  })
})

describe('bytes that are no key', () => {
  test('are refused with a reason, whatever they are', async () => {
    const packets = fc
      .array(fc.tuple(fc.constantFrom(2, 6, 13, 14, 17), fc.uint8Array({ maxLength: 60 })), { maxLength: 6 })
      .map((all) =>
        Buffer.concat(all.map(([tag, body]) => Buffer.concat([Buffer.of(0xc0 | tag, body.length), body]))),
      )
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          packets,
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        async (bytes) => {
          try {
            const { keys } = await judgeKeys(bytes, Date.now())
            for (const { refusal } of keys) assert.ok(refusal !== undefined)
          } catch (error) {
            assert.ok(error instanceof PinyonError, String(error))
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('are no private ones', async () => {
    const secret = Buffer.from(
      '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n',
    )
    await assert.rejects(judgeKeys(secret, 0), /a private key, where public ones belong/)
    await assert.rejects(judgeKeys(Buffer.of(0xc5, 1, 4), 0), /a private key, where public ones belong/)
  })
})
