import type { Random } from '../support/random.ts'

/** Something that reads bytes from outside. */
export interface FuzzTarget {
  readonly name: string
  /** Inputs to begin with. */
  readonly seeds: readonly (string | Buffer)[]
  /** Words of its language. */
  readonly words: readonly string[]
  /** Whether somebody writes it who may be trusted not to make it long. */
  readonly isOwn?: boolean
  /**
   * Reads one input and holds what came of it against what must be so, and against an oracle where there is one.
   * @returns what kind of outcome it was, in a few words: inputs with a new one are worth changing further
   * @throws Error for a promise that is broken
   */
  readonly check: (input: Buffer, random: Random) => string
}

/** The kind of a refusal: its message without what is particular to one input. */
export function kindOf(message: string): string {
  return message
    .replace(/"(?:[^"\\]|\\.)*"?/gs, '""')
    .replace(/'[^']*'?/gs, "''")
    .replaceAll(/[0-9]+/g, '0')
    .slice(0, 100)
}
