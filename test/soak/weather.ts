/** After upstream is well again a source may be set aside for so long, in milliseconds: its back-off, and what asks at its end. */
const AFTERMATH_MS = 13_000

/** What the weather was when something began. */
export interface Mark {
  readonly restarts: number
  readonly faults: number
  readonly storms: number
}

/** What is going wrong on purpose, so that whoever is refused something knows whether that is an excuse. */
export class Weather {
  isServerDown = false
  isDiskFaulty = false
  /** Mirrors whose upstream misbehaves. */
  readonly stormy = new Set<string>()
  #restarts = 0
  #faults = 0
  #storms = new Map<string, number>()
  #calmAt = new Map<string, number>()

  mark(mirror: string): Mark {
    return { restarts: this.#restarts, faults: this.#faults, storms: this.#storms.get(mirror) ?? 0 }
  }

  serverGoesDown(): void {
    this.isServerDown = true
    this.#restarts += 1
  }

  diskFails(isFaulty: boolean): void {
    this.isDiskFaulty = isFaulty
    this.#faults += 1
  }

  /** A mirror's upstream does something that a transfer may notice: for a while, or just now. */
  storm(mirror: string, isStormy: boolean): void {
    this.#storms.set(mirror, (this.#storms.get(mirror) ?? 0) + 1)
    if (isStormy) this.stormy.add(mirror)
    else this.stormy.delete(mirror)
    this.#calmAt.set(mirror, performance.now() + AFTERMATH_MS)
  }

  /** Whether the server has been gone since. */
  wasDown(since: Mark): boolean {
    return this.isServerDown || since.restarts !== this.#restarts
  }

  wasFaulty(since: Mark): boolean {
    return this.isDiskFaulty || since.faults !== this.#faults
  }

  /** Whether a mirror's upstream has been, or is still counted as, in trouble. */
  wasStormy(mirror: string, since: Mark): boolean {
    if (this.stormy.has(mirror) || since.storms !== (this.#storms.get(mirror) ?? 0)) return true
    return performance.now() < (this.#calmAt.get(mirror) ?? 0)
  }
}
