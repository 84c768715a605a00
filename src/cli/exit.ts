import type { Command } from 'commander'

/** Exit codes of every command: done, failed, wrong usage, nothing matched. */
export const EXIT = { done: 0, failed: 1, usage: 2, nothing: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Options as commander hands them over. */
export interface Options {
  readonly config: string
  /** URL of a server to ask instead of this machine's. */
  readonly server?: string
  readonly json?: boolean
}

/** What a command is added to. */
export interface CommandLine {
  /** Begins a command that has the option --config, and the examples of help.ts. */
  readonly add: (name: string, description: string) => Command
  /** Tells the exit code once a command is done. */
  readonly onDone: (code: ExitCode) => void
}
