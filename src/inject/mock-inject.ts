import { PinyonError } from '../model/errors.ts'
import { fromByteText } from './byte-text.ts'
import type { Injection, InjectOptions } from './injection.ts'
import type { MirrorMap } from './mirror-map.ts'
import { joinLiterals, type JoinedText } from './joined-text.ts'
import { findMockTexts } from './mock-texts.ts'
import { refuseInjection } from './refusal.ts'
import { findTemplateLines } from './template-lines.ts'
import { applyEdits, type TextEdit } from './text-edit.ts'
import { planYum, type YumPlan } from './yum-rule.ts'

/** Mock's longest template has 40 KB. */
const BYTES_MAX = 4 * 1024 * 1024

/**
 * Injects mirrors into the package managers' configurations within a mock configuration or template. All else stays byte for byte; what
 * is made by a program, or comes from an included file, is left alone with a warning.
 *
 * @throws {PinyonError} INJECTION_REFUSED naming a line of the file
 */
export function injectMock(
  source: string,
  map: MirrorMap,
  options: InjectOptions,
): Omit<Injection, 'changed'> {
  if (source.length > BYTES_MAX)
    throw refuseInjection(1, `at most ${BYTES_MAX} bytes`, `${source.length} bytes`)
  const lines = findLineStarts(source)
  const { texts, warnings } = findMockTexts(source)
  const edits: TextEdit[] = []
  const plans: Omit<YumPlan, 'edits'>[] = [
    {
      injected: [],
      unmatched: [],
      warnings: warnings.map(({ offset, text }) => ({ line: lineAt(lines, offset), text })),
    },
  ]
  for (const { literals, isContinued } of texts) {
    const joined = joinLiterals(source, literals)
    const inner = findLineStarts(joined.text)
    const relocate = (line: number) => lineAt(lines, joined.locate(inner[line - 1] ?? 0))
    const plan = planLocated(joined, isContinued, map, options, relocate)
    for (const edit of plan.edits) for (const one of joined.translate(edit, relocate)) edits.push(one)
    plans.push({
      injected: plan.injected.map((one) => ({ ...one, line: relocate(one.line) })),
      unmatched: plan.unmatched.map((one) => ({ ...one, line: relocate(one.line) })),
      warnings: plan.warnings.map((one) => ({ ...one, line: relocate(one.line) })),
    })
  }
  const injected = onlyFirst(plans.flatMap(({ injected }) => injected))
  const ids = new Set(injected.map(({ id }) => id))
  return {
    bytes: fromByteText(applyEdits(source, edits)),
    injected,
    unmatched: onlyFirst(plans.flatMap(({ unmatched }) => unmatched)).filter(({ id }) => !ids.has(id)),
    warnings: plans.flatMap(({ warnings }) => warnings).toSorted((a, b) => a.line - b.line),
  }
}

function planLocated(
  { text }: JoinedText,
  headless: boolean,
  map: MirrorMap,
  options: InjectOptions,
  relocate: (line: number) => number,
): YumPlan {
  try {
    return planYum(text, map, options, { headless, isOpaque: findTemplateLines(text) })
  } catch (error) {
    const { line, expected, found } = error instanceof PinyonError ? error.facts : {}
    if (typeof line !== 'number' || line === 0) throw error
    const at = relocate(line)
    throw new PinyonError(
      'INJECTION_REFUSED',
      `line ${at}: expected ${String(expected)}, found ${String(found)}`,
      {
        line: at,
        expected,
        found,
      },
    )
  }
}

function onlyFirst<Found extends { readonly id: string }>(all: readonly Found[]): Found[] {
  const ids = new Set<string>()
  return all.filter(({ id }) => ids.size < ids.add(id).size)
}

function findLineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** The line, 1-based, that an offset is in. */
function lineAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle
  }
  return low + 1
}
