import assert from 'node:assert/strict'
import { test } from 'node:test'

import { groupMoves } from '../../src/dashboard/parts/move-groups.ts'
import type { MovedView } from '../../src/snapshot/diff/diff-document.ts'

function moved(name: string, from: string, to: string, arches?: readonly string[]): MovedView {
  const version = (evr: string) => ({
    evr,
    epoch: '0',
    version: evr,
    release: '1',
    href: `${name}-${evr}.rpm`,
  })
  return { name, arch: 'x86_64', from: version(from), to: version(to), ...(arches && { arches }) }
}

test('packages of one name that went from one version to the same other one are a group', () => {
  const groups = groupMoves([
    moved('bash', '5.1-1', '5.1-2'),
    moved('podman-docker', '5.6.0-2', '5.6.0-4'),
    moved('podman', '5.6.0-2', '5.6.0-4'),
    moved('podman-tests', '5.6.0-1', '5.6.0-4'),
    moved('podman-plugins', '5.6.0-2', '5.6.0-4'),
    moved('podmansh', '5.6.0-2', '5.6.0-4'),
    moved('podman-remote', '5.6.0-2', '5.6.0-4', ['aarch64']),
    moved('zlib', '5.1-1', '5.1-2'),
  ])
  assert.deepEqual(
    groups.map(({ lead, members }) => [lead.name, members.map(({ name }) => name)]),
    [
      ['bash', ['bash']],
      ['podman', ['podman-docker', 'podman', 'podman-plugins']],
      ['podman-tests', ['podman-tests']],
      ['podmansh', ['podmansh']],
      ['podman-remote', ['podman-remote']],
      ['zlib', ['zlib']],
    ],
  )
})
