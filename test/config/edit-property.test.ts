import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parse } from 'yaml'
import { removeMirror, removePin, setPin } from '../../src/config/edit.ts'
import { PinyonError } from '../../src/model/errors.ts'

const OLD = '2016-12-13-13-30'
const NEW = '2026-11-22-02-13'

/** How a file is written. */
interface Style {
  /** Of its lines in turn, over and over. */
  readonly breaks: readonly ('\n' | '\r\n')[]
  readonly indent: string
  readonly head: string
  readonly tail: string
}

type Write = (style: Style) => string[]

const comment = fc.constantFrom('', ' # a', '\t#b, {c: "d"}', '  # ä \u{1f600}', ' #')
const between = fc.array(fc.constantFrom('', '# c', '#', ' ', '    # far right', '  # near', '# pin: x'), {
  maxLength: 2,
})
const scalar = fc.constantFrom(
  'http://h/',
  "'a # b'",
  '"c, }"',
  '',
  '3',
  '${A}',
  '|-\n>x',
  '>+\n>x\n\n',
  '\n>- a # c\n>- b',
  '[a,\n> b]',
)
const flowScalar = fc.constantFrom('http://h/', "'a # b'", '"c, }"', '3', '[a, b]', '{c: d}')
const quoted = fc.constantFrom(
  (word: string) => word,
  JSON.stringify,
  (word: string) => `'${word}'`,
)

/** The lines of a mirror in block style. `>` in a value stands for an indentation below its key. */
const blockMirror = (name: string): fc.Arbitrary<Write> =>
  fc
    .record({
      quote: quoted,
      values: fc.array(fc.tuple(scalar, comment), { minLength: 1, maxLength: 3 }),
      pin: fc.option(
        fc.record({ value: fc.constantFrom(OLD, `'${OLD}'`, `"${OLD}"`, '~', ''), comment, at: fc.nat(3) }),
      ),
      above: between,
      below: between,
      anchor: fc.constantFrom('', ' &own'),
    })
    .map((made) => ({ indent }: Style) => {
      const inner = indent + indent
      const lines = made.values.map(([value, comment], index) => {
        const text = `${inner}key${index}: ${value.replace(/\n>/g, `\n${inner}  `)}`
        // After lines there is nowhere for it.
        return value.includes('\n') ? text : text + comment
      })
      if (made.pin !== null) lines.splice(made.pin.at, 0, `${inner}pin: ${made.pin.value}${made.pin.comment}`)
      return [...made.above, `${indent}${made.quote(name)}:${made.anchor}`, ...lines, ...made.below]
    })

/** The lines of a mirror in flow style, on one or several. */
const flowMirror = (name: string): fc.Arbitrary<Write> =>
  fc
    .record({
      quote: quoted,
      values: fc.array(flowScalar, { maxLength: 3 }),
      pin: fc.option(fc.nat(3)),
      apart: fc.boolean(),
      comma: fc.boolean(),
      pad: fc.constantFrom('', ' '),
      brace: fc.constantFrom('own', 'same', 'deep'),
      comment,
      above: between,
    })
    .map((made) => ({ indent }: Style) => {
      const entries = made.values.map((value, index) => `key${index}: ${value}`)
      if (made.pin !== null) entries.splice(made.pin, 0, `pin: ${OLD}`)
      const step = `\n${indent}${indent}`
      const open = made.apart && made.brace === 'own' ? step : made.pad
      const end = made.brace === 'own' ? `\n${indent} ` : made.brace === 'deep' ? `${step}  ` : made.pad
      const close = made.apart
        ? `${made.comma && entries.length > 0 ? ',' : ''}${made.comment.trim() === '' || made.brace === 'same' ? '' : made.comment}${end}`
        : `${made.comma && entries.length > 0 ? ',' : ''}${made.pad}`
      const body = entries.join(made.apart ? `,${made.comment}${step}` : ', ')
      return [...made.above, `${indent}${made.quote(name)}: {${open}${body}${close}}${made.comment}`]
    })

const mirror = (name: string) => fc.oneof(blockMirror(name), flowMirror(name))

const style: fc.Arbitrary<Style> = fc.record({
  breaks: fc.array(fc.constantFrom('\n', '\r\n'), { minLength: 1, maxLength: 7 }),
  indent: fc.constantFrom('  ', '    ', ' '),
  head: fc.constantFrom('', '\ufeff', '---\n', '# head\n', '%YAML 1.2\n---\nlisten: 80 # l\n\n'),
  tail: fc.constantFrom('', '\n', '\n\n', '\n# tail', '\n...\n', '\nlisten2: [1,\n 2]\n', '\n \n'),
})

/** A file of three mirrors, a, b and c. */
const file = fc
  .tuple(style, mirror('a'), mirror('b'), mirror('c'))
  .map(([style, ...mirrors]) => {
    const lines = mirrors.flatMap((write) => write(style))
    const text = style.head + ['mirrors: # all', ...lines].join('\n') + style.tail
    let line = 0
    return text.replaceAll('\n', () => style.breaks[line++ % style.breaks.length] ?? '')
  })
  // Some mixtures of these are no YAML.
  .filter((text) => readMirrors(text) !== undefined)

const name = fc.constantFrom('a', 'b', 'c')
const why = fc.option(fc.constantFrom('why', '# two\r\nlines', 'ö # {'), { nil: undefined })

type Mirrors = Record<string, Record<string, unknown> | null>

function readMirrors(text: string): Mirrors | undefined {
  try {
    return (parse(text, { logLevel: 'error' }) as { mirrors: Mirrors }).mirrors
  } catch {
    return undefined
  }
}

/** The lines that only one of two texts has, of which those that end differently are two unless a text ends without a line break. */
function changedLines(before: string, after: string): { gone: string[]; come: string[] } {
  const between = before.endsWith('\n') && after.endsWith('\n') ? /(?<=\n)/ : /\r?\n/
  const [old, now] = [before.split(between), after.split(between)]
  let head = 0
  while (head < Math.min(old.length, now.length) && old[head] === now[head]) head += 1
  let tail = 0
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1
  return { gone: old.slice(head, old.length - tail), come: now.slice(head, now.length - tail) }
}

function isPinned(text: string, name: string): boolean {
  return Object.hasOwn(readMirrors(text)?.[name] ?? {}, 'pin')
}

/**
 * Block scalars that would take in what is below them, blank lines or a comment indented deeper, once what is between is gone:
 * such removals are refused.
 */
const KEEPS_BLANKS = />\+/
const KEEPS_COMMENTS = /[>|][+-]/

const OPTIONS = { seed: 11, numRuns: 1000 }

describe('any file, any mirror', () => {
  test('setPin changes the pin and at most three lines', () => {
    fc.assert(
      fc.property(file, name, why, (text, name, why) => {
        const edited = setPin(text, name, NEW, why)
        const before = readMirrors(text)
        assert.deepEqual(readMirrors(edited), { ...before, [name]: { ...before?.[name], pin: NEW } })
        const { gone, come } = changedLines(text, edited)
        assert.ok(gone.length <= 2 && come.length <= 3, edited)
        if (why !== undefined) assert.match(edited, new RegExp(`${NEW}.*# ${why.replace('\r\n', ' ')}`))
      }),
      OPTIONS,
    )
  })

  test('removePin takes setPin back', () => {
    fc.assert(
      fc.property(file, name, why, (text, name, why) => {
        fc.pre(!isPinned(text, name))
        assert.equal(removePin(text, name), text)
        assert.equal(removePin(setPin(text, name, NEW, why), name), text)
      }),
      OPTIONS,
    )
  })

  test('removePin changes the pin and at most two lines', () => {
    fc.assert(
      fc.property(file, name, (text, name) => {
        fc.pre(isPinned(text, name) && !KEEPS_COMMENTS.test(text))
        const edited = removePin(text, name)
        const before = readMirrors(text)
        const { pin: _pin, ...rest } = before?.[name] ?? {}
        const found = readMirrors(edited)
        assert.deepEqual({ ...found, [name]: found?.[name] ?? {} }, { ...before, [name]: rest })
        const { gone, come } = changedLines(text, edited)
        assert.ok(gone.length <= 3 && come.length <= 2, edited)
      }),
      OPTIONS,
    )
  })

  test('removeMirror only takes lines away', () => {
    fc.assert(
      fc.property(file, name, (text, name) => {
        fc.pre(!KEEPS_BLANKS.test(text))
        const edited = removeMirror(text, name)
        const { [name]: _gone, ...rest } = readMirrors(text) ?? {}
        assert.deepEqual(readMirrors(edited), rest)
        assert.deepEqual(changedLines(text, edited).come, [])
      }),
      OPTIONS,
    )
  })

  test('any text is edited or refused', () => {
    const parts = [
      'mirrors',
      ':',
      ' ',
      '\n',
      '\n  ',
      '\n    ',
      'm',
      'pin',
      '{',
      '}',
      ',',
      '#',
      '&a ',
      '*a',
      '"',
      '- ',
      '? ',
      '|',
      '\t',
      OLD,
    ]
    const edits = [
      (text: string) => setPin(text, 'm', NEW, 'why'),
      (text: string) => removePin(text, 'm'),
      (text: string) => removeMirror(text, 'm'),
    ]
    let edited = 0
    const anything = fc.array(fc.constantFrom(...parts), { maxLength: 25 })
    const property = fc.property(
      anything,
      fc.constantFrom('', 'mirrors: ', 'mirrors:\n  m:\n    ', 'mirrors: {m: {'),
      (parts, head) => {
        for (const edit of edits) {
          try {
            edit(head + parts.join(''))
            edited += 1
          } catch (thrown) {
            assert.ok(thrown instanceof PinyonError, String(thrown))
          }
        }
      },
    )
    fc.assert(property, { seed: 12, numRuns: 3000 })
    assert.ok(edited > 100, String(edited))
  })
})
