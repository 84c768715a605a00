import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { digestOf } from '../../src/model/digest.ts'
import { templateValues, type ArchivedPackage } from '../../src/model/url-template.ts'
import { fallbackUrl, nameFallback } from '../../src/upstream/fallback-url.ts'

const PACKAGE: ArchivedPackage = {
  href: 'Packages/g/g++-tools-2:1~rc1-3.el9.x86_64.rpm',
  name: 'G++-tools',
  epoch: '2',
  version: '1~rc1',
  release: '3.el9',
  arch: 'x86_64',
  digest: digestOf('x'),
}

function expand(template: string, changes: Partial<ArchivedPackage> = {}): string {
  return fallbackUrl(template, templateValues({ ...PACKAGE, ...changes }))
}

describe('the URL of a package in an archive', () => {
  test('has its fields in the place of their names, escaped as in hrefs', () => {
    assert.equal(
      expand('http://k/{initial}/{name}/{epoch}/{version}/{release}/{arch}/{filename}'),
      'http://k/g/G%2B%2B-tools/2/1~rc1/3.el9/x86_64/g%2B%2B-tools-2:1~rc1-3.el9.x86_64.rpm',
    )
    assert.equal(expand('file:///v/{href}'), 'file:///v/Packages/g/g%2B%2B-tools-2:1~rc1-3.el9.x86_64.rpm')
    assert.equal(
      expand('http://k/{algorithm}/{digest}'),
      `http://k/sha256/${PACKAGE.digest.slice('sha256:'.length)}`,
    )
  })

  test('is none where a value would lead elsewhere', () => {
    for (const name of ['..', '.', '', 'a/b', '../../etc', 'a\nb', 'a\0'])
      assert.throws(
        () => expand('http://k/{name}', { name }),
        { code: 'UPSTREAM_GONE' },
        JSON.stringify(name),
      )
    assert.equal(expand('http://k/{name}', { name: 'a%2f?#\\' }), 'http://k/a%252f%3F%23%5C')
  })

  test('is named without credentials', () => {
    assert.equal(nameFallback('https://u:p@k/{name}'), 'https://k/{name}')
    assert.equal(nameFallback('https://k/@{name}'), 'https://k/@{name}')
  })
})
