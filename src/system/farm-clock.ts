/**
 * What the farm's clock said when the machine's clocks said that. The farm's clock counts milliseconds, never goes back behind what was noted
 * of it, and is not moved by changes of the system's time: what must last so long, no shorter and no longer, is measured with it.
 */
export interface ClockAnchor extends Omit<ClockReading, 'uptimeMs'> {
  readonly farmMs: number
}

/** The machine's clocks, read at one moment; whole milliseconds. */
export interface ClockReading {
  /** Names the time since the machine's last start: all processes that say the same name share the monotonic clock. */
  readonly bootId: string
  readonly monotonicMs: number
  /** For how long the machine has certainly been up; 0 where that is not known. */
  readonly uptimeMs: number
  /** Milliseconds since the epoch, as far as the system knows. */
  readonly wallMs: number
}

/**
 * The anchor as of this reading, and so what the farm's clock says now; without an anchor the clock begins. Within one boot it is as exact as
 * the monotonic clock, and whoever moves an anchor leaves it on the same line. How long the machine was off cannot be known: the
 * wall's clock may have been set, so it is believed for no more than the time the machine has been up. So the farm's clock may stand still
 * while the machine is off, but never runs ahead: nothing that was promised for a time ends before it.
 */
export function moveAnchor(anchor: ClockAnchor | undefined, reading: ClockReading): ClockAnchor {
  const { bootId, monotonicMs, wallMs } = reading
  if (anchor === undefined) return { farmMs: 0, bootId, monotonicMs, wallMs }
  if (bootId === anchor.bootId) {
    // Another process has moved it while this reading was on its way.
    if (monotonicMs <= anchor.monotonicMs) return anchor
    return { farmMs: anchor.farmMs + monotonicMs - anchor.monotonicMs, bootId, monotonicMs, wallMs }
  }
  const sinceMs = Math.min(reading.uptimeMs, Math.max(0, wallMs - anchor.wallMs))
  return { farmMs: anchor.farmMs + sinceMs, bootId, monotonicMs, wallMs }
}

/**
 * The anchor as of this reading, by what all processes share and what this one has said before. An anchor that was noted since the machine
 * started is everybody's. Where none is, this process goes on with what it has said, unless another is ahead.
 */
export function currentAnchor(
  noted: ClockAnchor | undefined,
  said: ClockAnchor | undefined,
  reading: ClockReading,
): ClockAnchor {
  if (said === undefined || noted?.bootId === reading.bootId) return moveAnchor(noted, reading)
  const own = moveAnchor(said, reading)
  // The time that the machine was up when this was said has been counted then.
  return noted === undefined || noted.farmMs <= own.farmMs ? own : { ...own, farmMs: noted.farmMs }
}
