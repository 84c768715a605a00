import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConfigFile } from './support.ts'

/** Its name, a text, and the problems that it leads to: line, key and the rest. */
export type ProblemCase = readonly [name: string, text: string, ...problems: string[]]

/** A mirror `m` with further lines, the first of which is line 4. */
export function mirror(lines: string): string {
  return `mirrors:\n  m:\n    baseurl: http://h/\n    ${lines}\n`
}

/** Tests that each text leads to its problems and to no others, where the environment holds X=soon. */
export function describeProblems(title: string, cases: readonly ProblemCase[]): void {
  describe(title, () => {
    for (const [name, text, ...expected] of cases) {
      test(name, (t) => {
        assert.deepEqual(
          new ConfigFile(t).problems(text, { X: 'soon' }),
          expected.map((line) => `pinyon.yaml:${line}`),
        )
      })
    }
  })
}
