/** What two clocks said at one moment: the system's, which may be set, and the farm's, which counts what has passed. Milliseconds. */
export interface ClockPair {
  readonly wallMs: number
  readonly farmMs: number
}

/** What is known of the system's clock. */
export interface WallTrust {
  /** When it was believed last. */
  readonly believed: ClockPair
  /** While it is not believed: when it was looked at last, and since when it is doubted, by the farm's clock. */
  readonly doubt: { readonly last: ClockPair; readonly sinceFarmMs: number } | undefined
}

/** A system's clock that is not believed. */
export interface WallDoubt {
  /** By how much it has run ahead of the time that passed. */
  readonly aheadMs: number
  /** When it will be believed if it stays so: from now on. */
  readonly believedInMs: number
}

const DAY_MS = 86_400_000
/** A clock that has run ahead by more between two looks is not believed. A machine that was off for longer looks the same, and can wait. */
const MAX_AHEAD_MS = DAY_MS
/** What stays ahead for so long, by the farm's clock, is right. */
const DOUBT_MS = DAY_MS

/**
 * Whether the system's clock is believed now. One that jumps a year ahead, as some do at a boot, would make everything a year old; it is
 * not believed for a day, unless it is set back before. One that is set back makes nothing older.
 */
export function judgeWall(before: WallTrust | undefined, now: ClockPair): WallTrust {
  if (before === undefined || aheadMs(before.believed, now) <= MAX_AHEAD_MS)
    return { believed: now, doubt: undefined }
  const { believed, doubt } = before
  const isDoubtedAnew = doubt === undefined || aheadMs(doubt.last, now) > MAX_AHEAD_MS
  const sinceFarmMs = isDoubtedAnew ? now.farmMs : doubt.sinceFarmMs
  if (now.farmMs - sinceFarmMs >= DOUBT_MS) return { believed: now, doubt: undefined }
  return { believed, doubt: { last: now, sinceFarmMs } }
}

/** What to tell of a clock that is not believed; undefined for one that is. */
export function describeDoubt({ believed, doubt }: WallTrust): WallDoubt | undefined {
  if (doubt === undefined) return undefined
  const { last, sinceFarmMs } = doubt
  return { aheadMs: aheadMs(believed, last), believedInMs: sinceFarmMs + DOUBT_MS - last.farmMs }
}

/** By how much the system's clock went further than the farm's. */
function aheadMs(from: ClockPair, to: ClockPair): number {
  return to.wallMs - from.wallMs - (to.farmMs - from.farmMs)
}
