import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { digestOf } from '../../../src/model/digest.ts'
import { formatNevra } from '../../../src/model/nevra.ts'
import { classifyPackages, type PackageChanges } from '../../../src/snapshot/diff/diff.ts'
import type { StoredPackage } from '../../../src/snapshot/diff/stored-package.ts'
import { toLines } from '../naive-diff.ts'

/** `name-version-release.arch`, and what its bytes are made of. */
function stored(nevra: string, content = 'x', href = `${nevra}.rpm`): StoredPackage {
  const found = /^(.*)-(?:(\d+):)?([^-]+)-([^-]+)\.([^.]+)$/.exec(nevra)
  assert.ok(found !== null, nevra)
  const [, name = '', epoch = '0', version = '', release = '', arch = ''] = found
  return { name, epoch, version, release, arch, href, digest: digestOf(content), size: content.length }
}

function isSame(a: StoredPackage, b: StoredPackage): boolean {
  return a.href === b.href && a.digest === b.digest
}

function diff(before: readonly StoredPackage[], after: readonly StoredPackage[]): PackageChanges {
  return classifyPackages({
    gone: before.filter((one) => !after.some((other) => isSame(one, other))),
    come: after.filter((one) => !before.some((other) => isSame(one, other))),
    kept: before.filter((one) => after.some((other) => isSame(one, other))),
  })
}

const NONE = { replaced: [], downgraded: [], upgraded: [], removed: [], added: [] }

describe('what differs', () => {
  test('is what the newest version of each name and architecture became', () => {
    const before = ['a-1-1.x86_64', 'b-2-1.x86_64', 'c-1-1.noarch', 'd-1-1.x86_64', 'k-9-1.x86_64']
    const after = [
      'a-1-2.x86_64',
      'b-1:1-1.x86_64',
      'd-1~rc1-1.x86_64',
      'd-1-1.src',
      'k-10-1.x86_64',
      'k-9-1.x86_64',
    ]
    assert.deepEqual(
      toLines(
        diff(
          before.map((one) => stored(one)),
          after.map((one) => stored(one)),
        ),
      ),
      {
        replaced: [],
        upgraded: ['a.x86_64 1-1 1-2 + -', 'b.x86_64 2-1 1:1-1 + -', 'k.x86_64 9-1 10-1 + -'],
        downgraded: ['d.x86_64 1-1 1~rc1-1 + -'],
        removed: ['c-1-1.noarch'],
        added: ['d-1-1.src'],
      },
    )
  })

  test('is told of older versions too: beside the newest, or by themselves when that stayed', () => {
    const before = ['k-1-1.noarch', 'k-2-1.noarch', 'o-1-1.noarch', 'o-3-1.noarch']
    const after = ['k-3-1.noarch', 'k-1.5-1.noarch', 'o-2-1.noarch', 'o-3-1.noarch']
    assert.deepEqual(
      toLines(
        diff(
          before.map((one) => stored(one)),
          after.map((one) => stored(one)),
        ),
      ),
      {
        ...NONE,
        upgraded: ['k.noarch 2-1 3-1 +1.5-1 -1-1'],
        removed: ['o-1-1.noarch'],
        added: ['o-2-1.noarch'],
      },
    )
  })

  test('is in order of names, and then from old to new', () => {
    const after = [
      'b-10-1.noarch',
      'a-1-1.x86_64',
      'b-9-1.noarch',
      'a-1-1.i686',
      'B-1-1.noarch',
      'b-9-1.aarch64',
    ]
    const { added } = diff(
      [],
      after.map((one) => stored(one)),
    )
    assert.deepEqual(added.map(formatNevra), [
      'B-1-1.noarch',
      'a-1-1.i686',
      'a-1-1.x86_64',
      'b-9-1.aarch64',
      'b-9-1.noarch',
      'b-10-1.noarch',
    ])
  })

  test('versions that rpm holds for equal are told apart by name, and are no upgrade', () => {
    assert.deepEqual(toLines(diff([stored('a-1.0-1.noarch')], [stored('a-1.00-1.noarch')])), {
      ...NONE,
      removed: ['a-1.0-1.noarch'],
      added: ['a-1.00-1.noarch'],
    })
    const zero = { ...stored('a-1-1.noarch', 'x', 'b'), epoch: '' }
    assert.deepEqual(diff([stored('a-1-1.noarch')], [zero]), NONE, 'an empty epoch is 0')
  })
})

function replaced(before: readonly StoredPackage[], after: readonly StoredPackage[]): string[][] {
  return diff(before, after).replaced.map(({ from, to }) => [from.digest, from.href, to.digest, to.href])
}

test('a name may have any number of versions', () => {
  const versions = Array.from({ length: 150_000 }, (_, index) => stored(`a-${index}-1.noarch`))
  assert.equal(classifyPackages({ gone: [], come: versions, kept: [] }).added.length, versions.length)
})

describe('replaced in place', () => {
  const nevra = 'a-1-1.noarch'
  const [x, y, z] = ['x', 'y', 'z'].map((content) => digestOf(content))

  test('are other bytes of one name and version, wherever they lie', () => {
    assert.deepEqual(replaced([stored(nevra, 'x')], [stored(nevra, 'y')]), [
      [x, `${nevra}.rpm`, y, `${nevra}.rpm`],
    ])
    assert.deepEqual(replaced([stored(nevra, 'x', 'old')], [stored(nevra, 'y', 'new')]), [
      [x, 'old', y, 'new'],
    ])
    assert.deepEqual(toLines(diff([stored(nevra, 'x')], [stored(nevra, 'y')])), {
      ...NONE,
      replaced: [nevra],
    })
  })

  test('is not what only moved, or is listed under several names', () => {
    assert.deepEqual(diff([stored(nevra, 'x', 'old')], [stored(nevra, 'x', 'new')]), NONE)
    const twice = [stored(nevra, 'x', '1'), stored(nevra, 'y', '2')]
    assert.deepEqual(diff(twice, [stored(nevra, 'y', '1'), stored(nevra, 'x', '2')]), NONE)
    assert.deepEqual(diff(twice, [...twice, stored(nevra, 'x', '3')]), NONE)
  })

  test('are other bytes beside the old ones too, and old ones that are left', () => {
    const one = stored(nevra, 'x', '1')
    const other = stored(nevra, 'y', '2')
    assert.deepEqual(replaced([one], [one, other]), [[x, '1', y, '2']])
    assert.deepEqual(replaced([one, other], [one]), [[y, '2', x, '1']])
    assert.deepEqual(replaced([one, other], [stored(nevra, 'z', '1')]), [
      [x, '1', z, '1'],
      [y, '2', z, '1'],
    ])
  })

  test('cannot be told where upstream went over to another algorithm, but by the size', () => {
    const sha1 = (content: string): StoredPackage => ({
      ...stored(nevra, content),
      digest: digestOf(content, 'sha1'),
    })
    assert.deepEqual(diff([sha1('x')], [stored(nevra, 'x')]), NONE)
    assert.equal(replaced([sha1('x')], [stored(nevra, 'longer')]).length, 1)
    assert.deepEqual(replaced([{ ...sha1('x'), size: undefined }], [stored(nevra, 'longer')]), [])
  })
})
