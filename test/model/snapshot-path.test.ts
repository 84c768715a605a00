import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { array, assert as check, constantFrom, nat, oneof, property, string } from 'fast-check'

import { climbOf, MAX_CLIMB, normalizeHref, normalizePackageHref } from '../../src/model/href.ts'
import { baseEnd, climbOfStored, hrefsAt, placeOf, snapshotPath } from '../../src/model/snapshot-path.ts'

const UP = '../'.repeat(MAX_CLIMB)

describe('the href of a package', () => {
  const CASES: readonly [string, string | undefined][] = [
    ['Packages/a.rpm', 'Packages/a.rpm'],
    ['./Packages//a.rpm', 'Packages/a.rpm'],
    ['../../../../blobstore/a.rpm', '../../../../blobstore/a.rpm'],
    ['Packages/../../x/./a.rpm', '../x/a.rpm'],
    ['Packages/../a.rpm', 'a.rpm'],
    [`${UP}a.rpm`, `${UP}a.rpm`],
    [`${UP}../a.rpm`, undefined],
    [`a/${UP}../b.rpm`, `${UP}b.rpm`],
    ['..', undefined],
    ['../..', undefined],
    ['Packages/..', undefined],
    ['/a.rpm', undefined],
    ['..\\a.rpm', undefined],
    ['%2e%2e/a.rpm', '%2e%2e/a.rpm'],
    ['..%2fa.rpm', '..%2fa.rpm'],
    ['.../a.rpm', '.../a.rpm'],
  ]
  for (const [href, expected] of CASES)
    test(`${JSON.stringify(href.slice(0, 40))} is ${expected === undefined ? 'none' : 'normal'}`, () => {
      assert.equal(normalizePackageHref(href), expected)
      // Metadata has the same, but may not climb.
      assert.equal(normalizeHref(href), expected?.startsWith('../') === true ? undefined : expected)
    })
})

describe('the path of a snapshot', () => {
  test('ends in as many segments as its packages climb', () => {
    const place = { mirror: 'al2023', name: '2026-01-01-00-00' }
    assert.equal(snapshotPath({ ...place, climb: 0 }), '/repos/yum/al2023/2026-01-01-00-00')
    assert.equal(snapshotPath({ ...place, climb: 2 }), '/repos/yum/al2023/2026-01-01-00-00/_/_')
  })

  test('resolves every href to a path below it that stands for it, and for it before anything else', () => {
    const segment = oneof(constantFrom('_', '..', '.', '', 'a', '%2e%2e', 'repodata'), string())
    const href = array(segment, { minLength: 1, maxLength: 8 }).map((segments) => segments.join('/'))
    check(
      property(href, nat(MAX_CLIMB), (raw, more) => {
        const normal = normalizePackageHref(raw)
        if (normal === undefined) return
        const climb = Math.min(MAX_CLIMB, climbOf(normal) + more)
        const root = 'http://h/repos/yum/m/s'
        const path = normal.split('/').map((one) => encodeURIComponent(one.toWellFormed()))
        const asked = new URL(`${root}${baseEnd({ climb })}/${path.join('/')}`)
        assert.ok(asked.href.startsWith(`${root}/`), asked.href)
        const place = decodeURIComponent(asked.pathname.slice(new URL(root).pathname.length + 1))
        assert.equal(place, placeOf(normal, { climb }).toWellFormed())
        const hrefs = hrefsAt(placeOf(normal, { climb }), { climb })
        assert.ok(hrefs.length <= MAX_CLIMB + 3)
        // An href that begins with `_` itself may be another's place as well.
        if (!/^(?:\.\.\/)*_\//.test(normal)) assert.equal(hrefs[0], normal)
        else assert.ok(hrefs.includes(normal))
      }),
    )
  })

  test('finds what lies below the root with other numbers of segments as well', () => {
    const repomd = 'repodata/repomd.xml'
    for (const path of [repomd, `_/${repomd}`, `_/_/${repomd}`, `_/_/_/${repomd}`])
      assert.ok(hrefsAt(path, { climb: 2 }).includes(repomd), path)
    assert.deepEqual(hrefsAt('Packages/a.rpm', { climb: 0 }), ['Packages/a.rpm'])
  })
})

describe('the path of a snapshot of several architectures', () => {
  const arches = ['aarch64', 'x86_64']

  test('ends in $basearch, which is one of the segments that its packages climb', () => {
    const place = { mirror: 'al2023', name: '2026-01-01-00-00', arches }
    const root = '/repos/yum/al2023/2026-01-01-00-00'
    assert.equal(snapshotPath({ ...place, climb: 0 }), `${root}/$basearch`)
    assert.equal(snapshotPath({ ...place, climb: 1 }), `${root}/$basearch/$basearch`)
    assert.equal(snapshotPath({ ...place, climb: 3 }), `${root}/$basearch/_/_/$basearch`)
  })

  test('resolves every href to a path below its own architecture that stands for it', () => {
    const segment = oneof(constantFrom('_', '..', '.', '', 'a', 'x86_64', 'aarch64', 'repodata'), string())
    const href = array(segment, { minLength: 1, maxLength: 8 }).map((segments) => segments.join('/'))
    check(
      property(href, nat(MAX_CLIMB), constantFrom(...arches), (raw, more, arch) => {
        const normal = normalizePackageHref(raw)
        if (normal === undefined) return
        const layout = { climb: Math.min(MAX_CLIMB, climbOf(normal) + more), arches }
        const root = 'http://h/repos/yum/m/s'
        const path = normal.split('/').map((one) => encodeURIComponent(one.toWellFormed()))
        const base = `${root}${baseEnd(layout).replaceAll('$basearch', arch)}`
        const asked = new URL(`${base}/${path.join('/')}`)
        assert.ok(asked.href.startsWith(`${root}/${arch}/`), asked.href)
        const place = decodeURIComponent(asked.pathname.slice(new URL(root).pathname.length + 1))
        const stored = `${arch}/${normal}`
        assert.equal(climbOfStored(stored), climbOf(normal))
        assert.equal(place, placeOf(stored, layout).toWellFormed())
        const hrefs = hrefsAt(placeOf(stored, layout), layout)
        assert.ok(hrefs.length <= MAX_CLIMB + 4)
        for (const one of hrefs) assert.ok(one.startsWith(`${arch}/`), one)
        // An href that begins as a pad or an architecture does may be another's place as well.
        if (!/^(?:\.\.\/)*(?:_|x86_64|aarch64)\//.test(normal)) assert.equal(hrefs[0], stored)
        else assert.ok(hrefs.includes(stored), `${stored}: ${hrefs.join(' ')}`)
      }),
    )
  })

  test('finds what lies below a root without the segments for what is above, and nothing of an unknown architecture', () => {
    const repomd = 'x86_64/repodata/repomd.xml'
    for (const climb of [0, 1, 3]) assert.ok(hrefsAt(repomd, { climb, arches }).includes(repomd), `${climb}`)
    assert.deepEqual(hrefsAt('s390x/repodata/repomd.xml', { climb: 1, arches }), [
      's390x/repodata/repomd.xml',
    ])
  })
})
