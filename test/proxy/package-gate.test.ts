import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { PackageGate } from '../../src/proxy/package-gate.ts'
import type { Freshness, RingKey } from '../../src/snapshot/keys/key-ring.ts'

const DIGEST = digestOf('no package')
const PATH = 'a-1-1.noarch.rpm'
const REFUSED = { code: 'SIGNATURE_REFUSED', message: /^gpgcheck refuses a-1-1\.noarch\.rpm: no rpm package/ }

/** A gate, what its keys were asked for, and a file that is no package, with how often it was looked at. */
function createGate({ canRenew, keys = [{} as RingKey] }: { canRenew: boolean; keys?: readonly RingKey[] }) {
  const asked: (Freshness | undefined)[] = []
  const keysOf = async (freshness?: Freshness) => {
    asked.push(freshness)
    return { keys, problems: [] }
  }
  const bytes = Buffer.alloc(200)
  const file = {
    looks: 0,
    read: async (target: Uint8Array, position: number) => {
      if (position === 0) file.looks += 1
      return bytes.copy(target, 0, position)
    },
  }
  const gate = new PackageGate({ keysOf, canRenew }, () => 0)
  const look = async () => (await gate.look(DIGEST, PATH, file))?.code
  return { gate, asked, file, look }
}

describe('who asks what a package is refused with', () => {
  test('is told after one look, in which no key is fetched', async () => {
    const { gate, asked, file, look } = createGate({ canRenew: false })
    assert.equal(gate.refusal(DIGEST, PATH), undefined)
    assert.deepEqual([await look(), await look()], ['SIGNATURE_REFUSED', 'SIGNATURE_REFUSED'])
    assert.deepEqual([file.looks, asked], [1, [undefined]])
    assert.match(gate.refusal(DIGEST, 'b.rpm')?.message ?? '', /^gpgcheck refuses b\.rpm: no rpm package/)
  })

  test('is told without a look what a request found by the newest keys, and not by older ones', async () => {
    const { gate, asked, file, look } = createGate({ canRenew: true })
    assert.equal(await look(), 'SIGNATURE_REFUSED')
    assert.equal(gate.refusal(DIGEST, PATH), undefined)
    await assert.rejects(gate.check(DIGEST, PATH, file), REFUSED)
    assert.deepEqual(asked, [undefined, 'lax', 'soon'])
    const { looks } = file
    assert.equal(await look(), 'SIGNATURE_REFUSED')
    assert.equal(file.looks, looks)
    assert.equal(gate.refusal(DIGEST, PATH)?.code, 'SIGNATURE_REFUSED')
  })

  test('is told nothing while no key is here', async () => {
    const { file, look } = createGate({ canRenew: true, keys: [] })
    assert.equal(await look(), undefined)
    assert.equal(file.looks, 0)
  })

  test('and a request has the package looked at each time', async () => {
    const { gate, file } = createGate({ canRenew: false })
    for (const looks of [1, 2]) {
      await assert.rejects(gate.check(DIGEST, PATH, file), REFUSED)
      assert.equal(file.looks, looks)
    }
  })
})
