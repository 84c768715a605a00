import type { WriteStream } from 'node:tty'

import { counted } from '../model/count.ts'
import { formatBytes } from './table.ts'

/** How far one sync is. */
export interface ShownProgress {
  readonly step: string
  readonly filesDone: number
  readonly filesTotal: number
  readonly bytes: number
  readonly packages: number
  /** What the files are, when they are something else. */
  readonly noun?: string
}

const BAR_WIDTH = 20
/** Faster than an eye follows; the terminal is not kept busy. */
const REDRAW_MS = 80

/** One line a running sync, redrawn in place. Draws nothing where there is no terminal. */
export class ProgressDisplay {
  readonly #stream: WriteStream
  readonly #lines = new Map<string, ShownProgress>()
  #drawn = 0
  #drawnAt = 0

  constructor(stream: WriteStream) {
    this.#stream = stream
  }

  /** Shows how far a mirror's sync is. */
  show(mirror: string, progress: ShownProgress): void {
    if (!this.#stream.isTTY) return
    this.#lines.set(mirror, progress)
    if (performance.now() - this.#drawnAt >= REDRAW_MS) this.#draw()
  }

  /** Takes a mirror's line away and clears the display, so that a result can be printed above what still runs. */
  end(mirror: string): void {
    if (this.#lines.delete(mirror)) this.#clear()
  }

  #draw(): void {
    this.#clear()
    const columns = this.#stream.columns || 80
    // What has scrolled off the top cannot be redrawn.
    const rows = Math.max(1, (this.#stream.rows || 24) - 1)
    const shown = [...this.#lines].slice(0, rows)
    for (const [mirror, progress] of shown)
      this.#stream.write(`${formatLine(mirror, progress).slice(0, columns - 1)}\n`)
    this.#drawn = shown.length
    this.#drawnAt = performance.now()
  }

  #clear(): void {
    if (this.#drawn > 0) this.#stream.write(`\u001b[${this.#drawn}A\u001b[J`)
    this.#drawn = 0
  }
}

function formatLine(mirror: string, progress: ShownProgress): string {
  const { step, filesDone, filesTotal, bytes, packages, noun = 'files' } = progress
  const share = step === 'packages' ? 1 : filesTotal === 0 ? 0 : filesDone / filesTotal
  const bar = '#'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '.')
  const what =
    step === 'packages'
      ? counted(packages, 'package')
      : step === 'files'
        ? `${filesDone}/${filesTotal} ${noun}, ${formatBytes(bytes)}`
        : step === 'waiting'
          ? 'waiting for its sync to end'
          : 'looking upstream'
  return `${mirror.padEnd(24)} [${bar}] ${what}`
}
