import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { documents, readLinks, ROOT } from './blocks.ts'

const REFERENCES = readdirSync(join(ROOT, 'docs/reference')).map((name) => `docs/reference/${name}`)
const ALL = [...documents(), ...REFERENCES, 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8')
}

/** As GitHub makes anchors of headings. */
function anchorsOf(document: string): readonly string[] {
  return [...read(document).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('documents', () => {
  for (const document of ALL) {
    test(`links of ${document} lead somewhere`, () => {
      for (const { path, anchor } of readLinks(ROOT, document)) {
        assert.ok(existsSync(join(ROOT, path)), `${document} links to ${path}`)
        if (anchor !== undefined)
          assert.ok(anchorsOf(path).includes(anchor), `${document} links to ${path}#${anchor}`)
      }
    })
  }

  test('every one of them is found from the README', () => {
    const linked = new Set(readLinks(ROOT, 'README.md').map(({ path }) => path))
    for (const document of [...documents(), ...REFERENCES])
      if (document !== 'README.md') assert.ok(linked.has(document), `the README does not link ${document}`)
  })

  test('the README is a page, with one picture', () => {
    const text = read('README.md')
    assert.ok(text.split('\n').length <= 200)
    assert.equal(text.match(/!\[/g)?.length, 1)
  })
})
