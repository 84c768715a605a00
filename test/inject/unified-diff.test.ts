import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { unifiedDiff } from '../../src/inject/unified-diff.ts'
import { mustRun, runCommand } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { needs } from '../support/tools.ts'

const NAMES = { from: 'a/x', to: 'b/x' }

function diff(before: string, after: string, names = NAMES): string {
  return unifiedDiff(Buffer.from(before), Buffer.from(after), names)
}

describe('a unified diff', () => {
  test('is empty where nothing changed', () => {
    for (const text of ['', 'a', 'a\n', '\n\n']) assert.equal(diff(text, text), '')
  })

  test('has three lines of context, and one hunk where contexts meet', () => {
    const before = Array.from({ length: 20 }, (_, index) => `${index + 1}\n`)
    const far = before.with(2, 'three\n').with(18, 'nineteen\n').join('')
    assert.equal(
      diff(before.join(''), far),
      '--- a/x\n+++ b/x\n@@ -1,6 +1,6 @@\n 1\n 2\n-3\n+three\n 4\n 5\n 6\n' +
        '@@ -16,5 +16,5 @@\n 16\n 17\n 18\n-19\n+nineteen\n 20\n',
    )
    const near = before.with(5, 'six\n').with(12, 'thirteen\n').join('')
    assert.deepEqual(diff(before.join(''), near).match(/^@@.*@@$/gm), ['@@ -3,14 +3,14 @@'])
    const apart = before.with(5, 'six\n').with(13, 'fourteen\n').join('')
    assert.deepEqual(diff(before.join(''), apart).match(/^@@.*@@$/gm), [
      '@@ -3,7 +3,7 @@',
      '@@ -11,7 +11,7 @@',
    ])
  })

  test('shows a missing newline at the end, on either side', () => {
    assert.equal(
      diff('a\nb', 'a\nb\n'),
      '--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n',
    )
    assert.equal(diff('', 'a'), '--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n')
    assert.equal(diff('a\n', ''), '--- a/x\n+++ b/x\n@@ -1 +0,0 @@\n-a\n')
  })

  test('names files as git does when they hold spaces, tabs or quotes', () => {
    const names = { from: 'a b', to: 'a\t"\\\n' }
    assert.match(diff('a', 'b', names), /^--- a b\t\n\+\+\+ "a\\011\\"\\\\\\012"\n@@/)
  })

  test('shows what is no UTF-8 as such', () => {
    const shown = unifiedDiff(Buffer.from('a\n'), Buffer.from('\xf6\n', 'latin1'), NAMES)
    assert.match(shown, /\n\+\ufffd\n$/)
  })
})

const line = fc.constantFrom('', 'a', 'b', 'c', '[d]', 'e=f', 'ä', '-', '+', '\\ No newline', 'g\r')
const text = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.boolean())
  .map(([lines, isEnded]) => lines.join('\n') + (isEnded && lines.length > 0 ? '\n' : ''))

function countChanges(diff: string): number {
  return diff.match(/^[-+](?!-- |\+\+ )/gm)?.length ?? 0
}

/** Some thousand lines of which many are alike. */
function buildLines(count: number, modulus: number): string[] {
  return Array.from({ length: count }, (_, index) => `${(index * 7919) % modulus}\n`)
}

describe('other programs', () => {
  test(
    'patch applies what changed in 150 texts, and diff finds no less to change',
    needs('patch', 'diff'),
    async (t) => {
      const directory = tempDir(t)
      const [before, after, changes] = ['before', 'after', 'changes'].map((name) =>
        join(directory, name),
      ) as [string, string, string]
      for (const [from, to] of fc.sample(fc.tuple(text, text), { seed: 11, numRuns: 150 })) {
        await Promise.all([writeFile(before, from), writeFile(after, to)])
        const ours = diff(from, to)
        const { stdout: theirs } = await runCommand('diff', ['-U3', '--minimal', before, after])
        // Holding on to unique lines may cost a few lines more than the shortest edit.
        assert.ok(countChanges(ours) <= countChanges(theirs) + 12, `${ours}\n${theirs}`)
        if (ours === '') continue
        await writeFile(changes, ours)
        await mustRun('patch', ['--binary', '-s', before, changes])
        assert.equal(await readFile(before, 'utf8'), to)
      }
    },
  )

  test('git apply takes it without moving a line', needs('git'), async (t) => {
    const directory = tempDir(t)
    await mustRun('git', ['init', '-q', directory])
    for (const [index, [from, to]] of fc.sample(fc.tuple(text, text), { seed: 12, numRuns: 40 }).entries()) {
      if (from === to || from === '' || to === '') continue
      const name = `file ${index}`
      await writeFile(join(directory, name), from)
      const input = diff(from, to, { from: `a/${name}`, to: `b/${name}` })
      await mustRun('git', ['apply', '--whitespace=nowarn', '-'], { cwd: directory, input })
      assert.equal(await readFile(join(directory, name), 'utf8'), to)
    }
  })

  test('patch also applies large ones, whose lines are much alike', needs('patch'), async (t) => {
    const directory = tempDir(t)
    const [file, changes] = [join(directory, 'file'), join(directory, 'changes')]
    for (const [before, after] of [
      [buildLines(3_000, 50), buildLines(2_500, 49)],
      [buildLines(3_000, 2_999), buildLines(3_000, 2_999).toReversed()],
      [buildLines(2_000, 7), [...buildLines(1_000, 7), 'x\n', ...buildLines(1_500, 7)]],
    ] as const) {
      await writeFile(file, before.join(''))
      await writeFile(changes, diff(before.join(''), after.join('')))
      await mustRun('patch', ['--binary', '-s', file, changes])
      assert.equal(await readFile(file, 'utf8'), after.join(''))
    }
  })
})

describe('hostile texts', () => {
  const cases: [string, string, string][] = [
    ['half a million empty lines', '\n'.repeat(500_000), '\n'.repeat(400_000)],
    [
      'lines in reverse',
      buildLines(60_000, 59_999).join(''),
      buildLines(60_000, 59_999).toReversed().join(''),
    ],
    ['few kinds of lines', buildLines(100_000, 31).join(''), buildLines(100_000, 37).join('')],
    ['one long line', 'a'.repeat(1_000_000), 'b'.repeat(1_000_000)],
  ]
  for (const [title, before, after] of cases)
    test(`${title} take bounded time`, () => {
      const start = performance.now()
      assert.notEqual(diff(before, after), '')
      assert.ok(performance.now() - start < 20_000)
    })
})
