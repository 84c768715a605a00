/**
 * dnf, yum and zypper break off what brings less than 1,000 bytes a second over 30 s or more. Of what is held back so much goes out
 * whenever nothing else could for so long: half as much again as that rate, in milliseconds and bytes.
 */
export const SILENCE_MS = 10_000
export const TRICKLE_BYTES = 15_000

/** Bytes a second that a trickle takes of what is held back. */
const TRICKLE_RATE = (TRICKLE_BYTES * 1000) / SILENCE_MS

/**
 * How many bytes of a file have to be held back to trickle for as long as it takes to fetch all of it once more, half as fast as it came
 * at first: at least as many as given, at most half of the answer.
 */
export function heldBackBytes(
  least: number,
  file: { readonly size: number; readonly bytesPerSecond: number | undefined },
  answerBytes: number,
): number {
  const { size, bytesPerSecond = Infinity } = file
  const wanted = Math.ceil((2 * TRICKLE_RATE * size) / Math.max(1, bytesPerSecond))
  return Math.max(least, Math.min(wanted, answerBytes >> 1))
}
