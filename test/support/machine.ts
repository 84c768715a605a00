import type { ClockReading } from '../../src/system/farm-clock.ts'
import type { MachineClock } from '../../src/system/machine-clock.ts'

/** A machine whose time passes when a test says so. */
export class Machine {
  /** Milliseconds that have truly passed. */
  trueMs = 0
  #boots = 1
  #bootedAtMs = 0
  #wallOffsetMs: number

  /** @param wallMs what the wall's clock says at first */
  constructor(wallMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = wallMs
  }

  get wallMs(): number {
    return this.trueMs + this.#wallOffsetMs
  }

  /** Time passes while the machine runs. */
  pass(ms: number): void {
    this.trueMs += ms
  }

  /** Somebody sets the system's time. */
  setWall(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** The machine is off for a while and starts again. */
  reboot(offMs: number): void {
    this.trueMs += offMs
    this.#boots += 1
    this.#bootedAtMs = this.trueMs
  }

  /** The clock that processes read. */
  readonly clock: MachineClock = (): ClockReading => {
    const uptimeMs = this.trueMs - this.#bootedAtMs
    return { bootId: `boot ${this.#boots}`, monotonicMs: uptimeMs, uptimeMs, wallMs: this.wallMs }
  }

  /** The clock of one process where the machine has no name for its boot. */
  processClock(name: string): MachineClock {
    const startedAtMs = this.trueMs
    return () => ({
      bootId: `process ${name}`,
      monotonicMs: this.trueMs - startedAtMs,
      uptimeMs: 0,
      wallMs: this.wallMs,
    })
  }
}
