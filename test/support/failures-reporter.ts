/**
 * A reporter of node --test that says once more, after everything else, which tests failed and why: the log of a run is
 * thousands of lines, and often only its end is kept.
 */
import { relative } from 'node:path'
import { inspect } from 'node:util'
import type { TestEvent } from 'node:test/reporters'

/** How much of an error is told; the whole is where the test ran. */
const MAX_ERROR_CHARS = 4_000

/** Gives a paragraph for each test that failed by itself, not by one within it; nothing where none did. */
// oxlint-disable-next-line import/no-default-export -- node --test takes a reporter by it
export default async function* failures(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failed: string[] = []
  for await (const event of events) {
    if (event.type !== 'test:fail' || isByAnother(event.data)) continue
    failed.push(paragraph(event.data))
  }
  if (failed.length === 0) return
  yield `\n== failed: ${failed.length}\n`
  yield* failed
}

type Failure = Extract<TestEvent, { type: 'test:fail' }>['data']

function isByAnother(data: Failure): boolean {
  return (data.details.error as { failureType?: string }).failureType === 'subtestsFailed'
}

function paragraph({ file, line, name, details }: Failure): string {
  const where = file === undefined ? 'unknown file' : `${relative(process.cwd(), file)}:${line ?? 0}`
  const text = inspect(details.error.cause ?? details.error)
  return `\n-- ${where}: ${name} (after ${Math.round(details.duration_ms)} ms)\n${text.slice(0, MAX_ERROR_CHARS)}\n`
}
