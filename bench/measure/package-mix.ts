import { Random } from '../../test/support/random.ts'

/** A package that clients ask for. */
export interface MixedPackage {
  readonly name: string
  readonly sizeBytes: number
  /** How often it is asked for, beside the others. */
  readonly weight: number
}

/** Of CentOS Stream 9's AppStream half the packages are smaller; nine of ten lie between an eighth of it and 22 times as much. */
const MEDIAN_BYTES = 150_000
const SPREAD = 1.7
/** Above this they are few, and each fetch of one would be a round of its own. */
const MAX_BYTES = 4 << 20
const MIN_BYTES = 3_000

/** Packages of sizes as repositories have them (log-normal), asked for by Zipf's law: the second half as often as the first. */
export function createPackageMix(count: number, seed: number): MixedPackage[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, rank) => ({
    name: `mix-${rank}`,
    sizeBytes: Math.round(clamp(MEDIAN_BYTES * Math.exp(SPREAD * normal(random)))),
    weight: 1 / (rank + 1),
  }))
}

/** Of a mix, the bytes of an answer's body on average. */
export function meanAnswerBytes(mix: readonly MixedPackage[]): number {
  const total = mix.reduce((sum, { weight }) => sum + weight, 0)
  return mix.reduce((sum, { weight, sizeBytes }) => sum + weight * sizeBytes, 0) / total
}

function clamp(bytes: number): number {
  return Math.min(MAX_BYTES, Math.max(MIN_BYTES, bytes))
}

/** Box and Muller: mean 0, deviation 1. */
function normal(random: Random): number {
  const uniform = () => (random.below(2 ** 30) + 1) / 2 ** 30
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}
