import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, test } from 'node:test'

import { documents, ROOT } from './blocks.ts'

const REFERENCES = readdirSync(join(ROOT, 'docs/reference')).map((name) => `docs/reference/${name}`)
const ALL = [...documents(), ...REFERENCES, 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md']

interface Link {
  readonly path: string
  readonly anchor: string | undefined
}

/** Links to files, from the top. What stands in code is none. */
function readLinks(document: string): readonly Link[] {
  const prose = read(document).replaceAll(/```.*?```|`[^`\n]*`/gs, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return []
    const [path = '', anchor] = target.split('#')
    return [{ path: path === '' ? document : normalize(join(dirname(document), path)), anchor }]
  })
}

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
      for (const { path, anchor } of readLinks(document)) {
        assert.ok(existsSync(join(ROOT, path)), `${document} links to ${path}`)
        if (anchor !== undefined)
          assert.ok(anchorsOf(path).includes(anchor), `${document} links to ${path}#${anchor}`)
      }
    })
  }

  test('every one of them is found from the README', () => {
    const linked = new Set(readLinks('README.md').map(({ path }) => path))
    for (const document of [...documents(), ...REFERENCES])
      if (document !== 'README.md') assert.ok(linked.has(document), `the README does not link ${document}`)
  })

  test('what they link to is in the package', () => {
    const { files } = JSON.parse(read('package.json')) as { files: readonly string[] }
    // These npm packs by itself.
    const packed = ['package.json', 'README.md', 'LICENSE', ...files]
    for (const document of [...documents(), ...REFERENCES])
      for (const { path } of readLinks(document))
        assert.ok(
          packed.some((one) => path === one || path.startsWith(`${one}/`)),
          `${document} links to ${path}, which is not packed`,
        )
  })

  test('the README is a page, with one picture', () => {
    const text = read('README.md')
    assert.ok(text.split('\n').length <= 200)
    assert.equal(text.match(/!\[/g)?.length, 1)
  })
})
