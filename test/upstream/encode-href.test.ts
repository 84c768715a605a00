import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { encodeHref } from '../../src/upstream/encode-href.ts'
import { tempDir } from '../support/temp-dir.ts'
import { startUpstream } from '../support/upstream.ts'
import { openUpstream, readBody } from './open-upstream.ts'

const HREFS = [
  'Packages/g/gcc-c++-11.5.0-2.el9.x86_64.rpm',
  'Packages/v/vim~rc1-1^20240101.x86_64.rpm',
  'Packages/p/100%25-1.noarch.rpm',
  'Packages/p/50%-1.noarch.rpm',
  'Packages/a/a b&c=d;e,f@g:h$i.rpm',
  'Packages/q/what?.rpm',
  'Packages/h/#1.rpm',
  "Packages/q/it's(1)!*.rpm",
  'Packages/ü/žluťoučký-日本語-😀.rpm',
]

test('an href reaches the source as the literal name of a file, by http and in a file system', async (t) => {
  const root = tempDir(t)
  const source = await startUpstream(t, root)
  const { upstream } = openUpstream(t, [source.url, `${pathToFileURL(root).href}/`])
  for (const href of HREFS) {
    mkdirSync(dirname(join(root, href)), { recursive: true })
    writeFileSync(join(root, href), href)
    for (const onlyBaseurl of upstream.baseurls)
      assert.equal((await readBody(await upstream.get(href, { onlyBaseurl }))).toString(), href)
  }
})

test('an href is written with what every server understands', () => {
  const cases = {
    'a/b+c~d^e.rpm': 'a/b%2Bc~d%5Ee.rpm',
    '100%25': '100%2525',
    'a:b@c,d=e;f$g&h': 'a:b@c,d=e;f$g&h',
    'é?#': '%C3%A9%3F%23',
    // Half a surrogate pair, which a character reference can make.
    '\ud800x': '%EF%BF%BDx',
  }
  assert.deepEqual(Object.keys(cases).map(encodeHref), Object.values(cases))
})
