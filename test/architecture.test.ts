import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'
import {
  checkCycles,
  checkDocComments,
  checkExports,
  checkLengths,
  checkReminders,
  checkRenames,
  checkRooms,
  checkSql,
  MAX_LINES,
  MAX_MEDIAN_LINES,
} from './support/architecture.ts'
import { findImports, readSources, withoutComments, type SourceFiles } from './support/source-text.ts'

const ROOT = dirname(import.meta.dirname)

function sources(files: Readonly<Record<string, string>>): SourceFiles {
  return new Map(Object.entries(files))
}

describe('the sources', () => {
  const src = readSources(ROOT, ['src'])
  const all = readSources(ROOT, ['src', 'test', 'bench'])
  const checks = [
    ['import rooms in their order only', checkRooms, src],
    ['do not import each other in circles', checkCycles, all],
    ['have no default exports', checkExports, all],
    ['are short', checkLengths, all],
    ['hold SQL where it belongs', checkSql, src],
    ['rename files where it belongs', checkRenames, src],
    ['document what they export', checkDocComments, src],
    ['put nothing off', checkReminders, all],
  ] as const
  for (const [title, check, files] of checks) {
    test(title, () => {
      assert.ok(files.size > 0)
      assert.deepEqual(check(files), [])
    })
  }
})

describe('the reader of sources', () => {
  test('finds every form of import', () => {
    const text = [
      "import { a } from './a.ts'",
      "import type { B } from '../b/b.ts'",
      'import {',
      '  c, // from "nowhere"',
      '} from "node:fs"',
      "import './side-effect.ts'",
      "export { d } from './d.ts'",
      "export * from './e.ts'",
      "const f = await import('./f.ts')",
      "// import { g } from './g.ts'",
      "const text = 'import of ' + \"from './h.ts'\"",
    ].join('\n')
    assert.deepEqual(
      findImports('src/x/x.ts', text).map(({ specifier, target }) => target ?? specifier),
      [
        'src/x/a.ts',
        'src/b/b.ts',
        'node:fs',
        'src/x/side-effect.ts',
        'src/x/d.ts',
        'src/x/e.ts',
        'src/x/f.ts',
      ],
    )
  })

  test('tells comments from strings, templates and regular expressions', () => {
    const kept = ["'// a'", '"/* b */"', '`// c`', String.raw`x = /[/]\/\* d/`, 'e = 4 / 2 / 1']
    for (const text of kept) assert.equal(withoutComments(text), text)
    assert.equal(withoutComments('f // g\n/* h\n */ i'), `f     \n    \n${' '.repeat(3)} i`)
    assert.equal(withoutComments(String.raw`/'/.test(x) // it's`).trimEnd(), String.raw`/'/.test(x)`)
  })
})

describe('each check can fail', () => {
  const refused: [string, (files: SourceFiles) => string[], Readonly<Record<string, string>>, RegExp][] = [
    ['upwards', checkRooms, { 'src/cache/a.ts': "import '../http/b.ts'" }, /http does not come before cache/],
    ['sideways', checkRooms, { 'src/cache/a.ts': "import type { B } from '../upstream/b.ts'" }, /upstream/],
    ['configuration', checkRooms, { 'src/http/a.ts': "import '../config/b.ts'" }, /plain options/],
    ['input in the model', checkRooms, { 'src/model/a.ts': "import 'node:fs'" }, /no I\/O/],
    ['a package in the model', checkRooms, { 'src/model/a.ts': "import 'zod'" }, /needs no package/],
    ['out of src', checkRooms, { 'src/cache/a.ts': "import '../../test/b.ts'" }, /no room of src/],
    ['an unknown room', checkRooms, { 'src/utils/a.ts': '' }, /no room of the architecture: utils/],
    ['main', checkRooms, { 'src/main.ts': "import './http/server.ts'" }, /does not know http/],
    ['the version elsewhere', checkRooms, { 'src/http/a.ts': "import '../version.ts'" }, /not for it/],
    ['app imports cli', checkRooms, { 'src/app.ts': "import './cli/a.ts'" }, /cli does not come before app/],
    [
      'a circle',
      checkCycles,
      { 'src/a/a.ts': "import './b.ts'", 'src/a/b.ts': "import './c.ts'", 'src/a/c.ts': "import './a.ts'" },
      /^import cycle: src\/a\/a\.ts → src\/a\/b\.ts → src\/a\/c\.ts → src\/a\/a\.ts$/,
    ],
    ['a default', checkExports, { 'src/a.ts': 'export default 1' }, /default/],
    ['a renamed default', checkExports, { 'src/a.ts': 'export { a as default }' }, /default/],
    [
      'a long file',
      checkLengths,
      { 'src/a.ts': '\n'.repeat(MAX_LINES + 1), 'src/b.ts': '', 'src/c.ts': '' },
      /lines: 401/,
    ],
    ['a long median', checkLengths, { 'src/a.ts': '\n'.repeat(MAX_MEDIAN_LINES + 1) }, /median .*: 131/],
    ['a query', checkSql, { 'src/http/a.ts': 'db.prepare(`SELECT a\n FROM b`)' }, /SQL/],
    ['an insert', checkSql, { 'src/snapshot/store.ts': "x('INSERT OR IGNORE INTO a')" }, /SQL/],
    ['a rename', checkRenames, { 'src/cache/a.ts': 'await rename(a, b)' }, /renames/],
    ['a synchronous rename', checkRenames, { 'src/cache/a.ts': 'fs.renameSync(a, b)' }, /renames/],
    ['a function', checkDocComments, { 'src/a.ts': 'export async function a() {}' }, /comment: a$/],
    ['a class', checkDocComments, { 'src/a.ts': '// b\nexport class A {}' }, /comment: A$/],
    ['an arrow', checkDocComments, { 'src/a.ts': '/* b */\nexport const a = (b: C): D => b' }, /comment: a$/],
    ['a reminder', checkReminders, { 'src/a.ts': ['// FIX', 'ME b'].join('') }, /puts something off/],
  ]
  for (const [title, check, files, message] of refused) {
    test(title, () => {
      const found = check(sources(files))
      assert.equal(found.length, 1, found.join('\n'))
      assert.match(found[0] ?? '', message)
    })
  }

  test('and accepts what is right', () => {
    const files = sources({
      'src/main.ts': "import { run } from './cli/run.ts'\nimport '../package.json'",
      'src/cli/a.ts': "import '../version.ts'\nimport '../config/load.ts'",
      'src/app.ts': "import type { Config } from './config/schema.ts'",
      'src/model/a.ts': "import { createHash } from 'node:crypto'\nimport './b.ts'",
      'src/snapshot/sql-packages.ts': "const select = 'SELECT a FROM b'",
      'src/system/publish.ts': '// SELECT a FROM b\nawait rename(a, b)',
      'src/http/a.ts':
        '/** Does. */\nexport function a(b: string): void\nexport function a(b: number): void {}',
      'src/http/b.ts': 'export const LIMIT = 3\nexport type B = 1\n/**\n * Does.\n */\nexport class C {}',
    })
    for (const check of [
      checkRooms,
      checkCycles,
      checkExports,
      checkLengths,
      checkSql,
      checkRenames,
      checkDocComments,
    ]) {
      assert.deepEqual(check(files), [])
    }
  })
})
