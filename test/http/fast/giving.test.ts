import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { WireSocket } from '../../fuzz/wire-socket.ts'
import { formatRequest, startFastServer } from './fast-server.ts'

describe('connections that are given away', () => {
  test('are a part of those that were answered of late', async (t) => {
    const { server } = await startFastServer(t, [['/a', 5_000]])
    let now = 10_000
    t.mock.method(performance, 'now', () => now)
    const [early, late, silent] = [10, 9, 5].map((count) =>
      Array.from({ length: count }, () => new WireSocket()),
    )
    const all = [...(early ?? []), ...(late ?? []), ...(silent ?? [])]
    for (const socket of all) {
      t.after(() => socket.destroy())
      server.serve(socket)
    }
    for (const socket of early ?? []) socket.push(Buffer.from(formatRequest('/a')))
    await nextTurn()
    now += 2_000
    for (const socket of late ?? []) socket.push(Buffer.from(formatRequest('/a')))
    await nextTurn()
    assert.equal(all.filter(({ sent }) => sent.length > 0).length, 19)
    const given: unknown[] = []
    server.giveShare(0.5, (socket) => given.push(socket))
    assert.equal(given.length, 4)
    assert.ok(given.every((socket) => late?.some((one) => one === socket)))
    assert.equal(server.fastConnections, 20)
  })

  test('are a hundred at most', async (t) => {
    const { server } = await startFastServer(t, [['/a', 5_000]])
    for (let number = 0; number < 250; number += 1) {
      const socket = new WireSocket()
      t.after(() => socket.destroy())
      server.serve(socket)
      socket.push(Buffer.from(formatRequest('/a')))
    }
    await nextTurn()
    let count = 0
    server.giveShare(1, () => (count += 1))
    assert.deepEqual([count, server.fastConnections], [100, 150])
  })
})
