import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { MovedView, PackageView } from '../../../src/snapshot/diff/diff-document.ts'
import { groupMoved, groupPackages } from '../../../src/snapshot/diff/source-groups.ts'

interface Move {
  readonly arch?: string
  readonly sources?: readonly [from: string | undefined, to: string | undefined]
  readonly arches?: readonly string[]
}

function moved(name: string, from: string, to: string, move: Move = {}): MovedView {
  const { arch = 'x86_64', sources: [fromSource, toSource] = [], arches } = move
  const version = (evr: string, source: string | undefined) => ({
    evr,
    epoch: '0',
    version: evr,
    release: '1',
    href: `${name}-${evr}.rpm`,
    ...(source === undefined ? {} : { source: `${source}.src.rpm` }),
  })
  return { name, arch, from: version(from, fromSource), to: version(to, toSource), ...(arches && { arches }) }
}

function shown(upgraded: readonly MovedView[]): unknown[] {
  return groupMoved(upgraded).map(({ source, name, from, to, members }) => [
    source,
    name,
    `${from} ${to}`,
    members.map((one) => one.name),
  ])
}

describe('packages that moved', () => {
  test('are a group by the source packages of both versions, whatever their names and architectures', () => {
    const sources = ['kernel-5-1', 'kernel-5-2'] as const
    assert.deepEqual(
      shown([
        moved('bpftool', '7-1', '7-2', { sources }),
        moved('kernel', '5-1', '5-2', { sources, arches: ['x86_64'] }),
        moved('kernel-doc', '5-1', '5-2', { arch: 'noarch', sources, arches: ['aarch64', 'x86_64'] }),
        moved('kernel-old', '4-1', '5-2', { sources: ['kernel-4-1', 'kernel-5-2'] }),
        moved('podman', '5-1', '5-2', { sources: ['podman-5-1', 'podman-5-2'] }),
      ]),
      [
        ['kernel', 'kernel', '5-1 5-2', ['bpftool', 'kernel', 'kernel-doc']],
        ['kernel', 'kernel', '4-1 5-2', ['kernel-old']],
        ['podman', 'podman', '5-1 5-2', ['podman']],
      ],
    )
  })

  test('have the versions of their own, epoch and all, where these are one', () => {
    const sources = ['perl-5-1', 'perl-5-2'] as const
    assert.deepEqual(
      shown([moved('perl-a', '4:5-1', '4:5-2', { sources }), moved('perl-b', '4:5-1', '4:5-2', { sources })]),
      [['perl', 'perl', '4:5-1 4:5-2', ['perl-a', 'perl-b']]],
    )
  })

  test('from a snapshot that does not say it go by their versions there', () => {
    const sources = [undefined, 'kernel-5-2'] as const
    assert.deepEqual(
      shown([moved('bpftool', '5-1', '5-2', { sources }), moved('kernel', '5-1', '5-2', { sources })]),
      [['kernel', 'kernel', '5-1 5-2', ['bpftool', 'kernel']]],
    )
  })

  test('where no snapshot says it are a group by versions, architectures and the beginning of their names', () => {
    const names = shown([
      moved('bash', '5.1-1', '5.1-2'),
      moved('podman-docker', '5.6.0-2', '5.6.0-4'),
      moved('podman', '5.6.0-2', '5.6.0-4'),
      moved('podman-tests', '5.6.0-1', '5.6.0-4'),
      moved('podmansh', '5.6.0-2', '5.6.0-4'),
      moved('podman-remote', '5.6.0-2', '5.6.0-4', { arches: ['aarch64'] }),
      moved('zlib', '5.1-1', '5.1-2'),
    ])
    assert.deepEqual(names, [
      [undefined, 'bash', '5.1-1 5.1-2', ['bash']],
      [undefined, 'podman', '5.6.0-2 5.6.0-4', ['podman-docker', 'podman']],
      [undefined, 'podman-tests', '5.6.0-1 5.6.0-4', ['podman-tests']],
      [undefined, 'podmansh', '5.6.0-2 5.6.0-4', ['podmansh']],
      [undefined, 'podman-remote', '5.6.0-2 5.6.0-4', ['podman-remote']],
      [undefined, 'zlib', '5.1-1 5.1-2', ['zlib']],
    ])
  })
})

function createPackageView(name: string, evr: string, source?: string): PackageView {
  const [version = '', release = ''] = evr.split('-')
  const names = { nevra: `${name}-${evr}.noarch`, name, epoch: '0', version, release, arch: 'noarch' }
  const bytes = { href: name, digest: 'sha256:00', size: 1 } as const
  return { ...names, ...bytes, ...(source === undefined ? {} : { source: `${source}.src.rpm` }) }
}

test('packages that came or went are a group by their source, and by themselves where that is not known', () => {
  const groups = groupPackages([
    createPackageView('a-doc', '1-1', 'a-1-1'),
    createPackageView('a-sub', '9-1', 'a-1-1'),
    createPackageView('b', '1-1'),
    createPackageView('b-doc', '1-1'),
    createPackageView('a-old', '1-1', 'a-0-1'),
  ])
  assert.deepEqual(
    groups.map(({ name, version, members }) => [name, version, members.length]),
    [
      ['a', '1-1', 2],
      ['b', '1-1', 1],
      ['b-doc', '1-1', 1],
      ['a', '1-1', 1],
    ],
  )
})
