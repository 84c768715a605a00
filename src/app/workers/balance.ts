/** A process that is less busy than this, from 0 to 1, has time for whoever asks it. */
const BUSY_LOAD = 0.5
/** A difference that is not worth sending connections about. */
const ALIKE = 0.3

/** What would make processes more alike. */
export interface Move {
  /** Whose connections some are, and who is to have them: indexes of the loads. */
  readonly from: number
  readonly to: number
  /** What part of those on which something is asked, from 0 to 1. */
  readonly share: number
}

/**
 * Finds what the busiest process should give to the idlest: who accepts a connection is whoever comes first, and of many that come at once
 * one process may accept all.
 * @param loads how busy each process was in the last second, from 0 to 1
 * @returns undefined where nobody would gain
 */
export function findMove(loads: readonly number[]): Move | undefined {
  const [most, least] = [Math.max(...loads), Math.min(...loads)]
  if (most < BUSY_LOAD || most - least < ALIKE) return undefined
  return { from: loads.indexOf(most), to: loads.indexOf(least), share: (most - least) / 2 / most }
}
