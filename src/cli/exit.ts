/** Exit codes of every command: done, failed, wrong usage, nothing matched. */
export const EXIT = { done: 0, failed: 1, usage: 2, nothing: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Options as commander hands them over. */
export interface Options {
  readonly config: string
  readonly json?: boolean
}
