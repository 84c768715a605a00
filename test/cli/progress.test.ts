import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { WriteStream } from 'node:tty'

import { ProgressDisplay } from '../../src/cli/progress.ts'

/** A terminal that understands what the display uses: lines, cursor up, erase below. */
class FakeTerminal {
  readonly isTTY: boolean
  columns = 60
  rows = 24
  written = ''

  constructor(isTTY = true) {
    this.isTTY = isTTY
  }

  write(text: string): boolean {
    this.written += text
    return true
  }

  /** What is to be seen. */
  get lines(): string[] {
    let lines: string[] = []
    // oxlint-disable-next-line no-control-regex -- what moves the cursor
    for (const [, up, text] of this.written.matchAll(/\u001b\[(\d+)A\u001b\[J|([^\u001b\n]*)\n/g))
      if (up === undefined) lines.push(text ?? '')
      else lines = lines.slice(0, -Number(up))
    return lines
  }
}

function display(terminal: FakeTerminal): ProgressDisplay {
  return new ProgressDisplay(terminal as unknown as WriteStream)
}

/** Lets the display's clock go on, so that it draws again. */
function advance(t: TestContext, clock: { ms: number }): void {
  clock.ms += 100
  t.mock.method(performance, 'now', () => clock.ms)
}

const FILES = { step: 'files', filesDone: 1, filesTotal: 4, bytes: 3 << 20, packages: 0 }

describe('the progress display', () => {
  test('has a line a sync, redrawn in place', (t) => {
    const clock = { ms: 1_000 }
    const terminal = new FakeTerminal()
    const shown = display(terminal)
    advance(t, clock)
    shown.show('one', { ...FILES, step: 'repomd', filesTotal: 0 })
    advance(t, clock)
    shown.show('two', FILES)
    assert.deepEqual(terminal.lines, [
      'one                      [....................] looking ups',
      'two                      [#####...............] 1/4 files, ',
    ])
    terminal.columns = 100
    advance(t, clock)
    shown.show('one', { ...FILES, step: 'packages', packages: 65_000 })
    assert.deepEqual(terminal.lines, [
      'one                      [####################] 65000 packages',
      'two                      [#####...............] 1/4 files, 3.0 MiB',
    ])
  })

  test('names what is counted, and what is waited for', (t) => {
    const clock = { ms: 1_000 }
    const terminal = new FakeTerminal()
    terminal.columns = 100
    const shown = display(terminal)
    advance(t, clock)
    shown.show('one', { ...FILES, noun: 'snapshots' })
    assert.deepEqual(terminal.lines, [
      'one                      [#####...............] 1/4 snapshots, 3.0 MiB',
    ])
    advance(t, clock)
    shown.show('one', { ...FILES, step: 'waiting' })
    assert.match(terminal.lines.join(), /waiting for its sync to end$/)
  })

  test('keeps within the terminal', (t) => {
    const clock = { ms: 1_000 }
    const terminal = new FakeTerminal()
    terminal.rows = 5
    terminal.columns = 30
    const shown = display(terminal)
    for (let index = 0; index < 20; index++) {
      advance(t, clock)
      shown.show(`mirror${index}`, FILES)
    }
    assert.equal(terminal.lines.length, 4)
    for (const line of terminal.lines) assert.ok(line.length <= 29)
  })

  test('is gone when the sync has ended, so that its result stands alone', (t) => {
    const clock = { ms: 1_000 }
    const terminal = new FakeTerminal()
    const shown = display(terminal)
    advance(t, clock)
    shown.show('one', FILES)
    shown.end('one')
    assert.deepEqual(terminal.lines, [])
    const before = terminal.written
    shown.end('unknown')
    assert.equal(terminal.written, before)
  })

  test('is not drawn more often than an eye follows', (t) => {
    const clock = { ms: 1_000 }
    const terminal = new FakeTerminal()
    const shown = display(terminal)
    advance(t, clock)
    shown.show('one', FILES)
    const before = terminal.written
    for (let index = 0; index < 1_000; index++) shown.show('one', { ...FILES, bytes: index })
    assert.equal(terminal.written, before)
  })

  test('writes nothing where there is no terminal', () => {
    const terminal = new FakeTerminal(false)
    const shown = display(terminal)
    shown.show('one', FILES)
    shown.end('one')
    assert.equal(terminal.written, '')
  })
})
