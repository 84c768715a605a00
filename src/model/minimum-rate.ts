/**
 * dnf, yum and zypper break off what brings less than 1,000 bytes a second over 30 s or more. Of what is held back so much goes out
 * whenever nothing else could for so long: half as much again as that rate, in milliseconds and bytes.
 */
const SILENCE_MS = 10_000
export const TRICKLE_BYTES = 15_000

/**
 * Once four fifths of what was held back have gone, the rest has to last: all of them are libcurl, which takes the mean of the last five
 * seconds and begins to count anew whenever that is enough, so that they stay for a quarter of those bytes, if they come in one piece.
 */
const SPARING_SILENCE_MS = 20_000
const SPARING_BYTES = 7_500

/** Bytes a second that a trickle takes of what is held back. */
const TRICKLE_RATE = (TRICKLE_BYTES * 1000) / SILENCE_MS

/** What goes out next of what is held back. */
export interface Trickle {
  /** After nothing else could for so long, in milliseconds. */
  readonly afterMs: number
  readonly bytes: number
}

/**
 * What goes out next of bytes that are held back.
 * @param left bytes there are still
 * @param held bytes there were when the first of them went out
 */
export function nextTrickle(left: number, held: number): Trickle {
  return left * 5 > held
    ? { afterMs: SILENCE_MS, bytes: TRICKLE_BYTES }
    : { afterMs: SPARING_SILENCE_MS, bytes: SPARING_BYTES }
}

/**
 * How many bytes of a file have to be held back to trickle for eight times as long as it took to fetch all of it, half of that time at
 * the full rate: for a second copy that comes an eighth as fast as the first, or for three more, each of which comes half as fast. At least
 * as many as given, at most half of the answer.
 */
export function heldBackBytes(
  least: number,
  file: { readonly size: number; readonly bytesPerSecond: number | undefined },
  answerBytes: number,
): number {
  const { size, bytesPerSecond = Infinity } = file
  const wanted = Math.ceil((5 * TRICKLE_RATE * size) / Math.max(1, bytesPerSecond))
  return Math.max(least, Math.min(wanted, answerBytes >> 1))
}
