/** Whether the longest tests are to run in full, as a build machine does (`.ci/run`): `PINYON_TESTS=full npm test`. */
const IS_FULL = process.env['PINYON_TESTS'] === 'full'

/** How often a long test repeats what it does: so often in full, or only the slice of it that whoever changes the code waits for. */
export function extent({ full, slice }: { readonly full: number; readonly slice: number }): number {
  return IS_FULL ? full : slice
}
