import assert from 'node:assert/strict'

/** Fails unless both hold the same bytes. deepEqual would say so too, but its comparison of large buffers takes gigabytes. */
export function assertBytes(found: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  assert.ok(found && expected, 'there are no bytes')
  if (Buffer.compare(found, expected) === 0) return
  const at = expected.findIndex((byte, index) => byte !== found[index])
  assert.fail(
    `${found.length} bytes differ from the ${expected.length} expected from ${at < 0 ? 'their end' : at} on`,
  )
}
