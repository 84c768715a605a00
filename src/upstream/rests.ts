/** Until when a host wants to be left alone, by which clock whoever asks says; and why. */
export interface Rest {
  readonly untilMs: number
  readonly reason: string
}

/** What a source knows of its host's wish, and can tell of it. */
export interface HostRest {
  readonly current: Rest | undefined
  begin(rest: Rest): void
}

/** Hosts that are remembered: more than ever want that at a time, unless somebody makes them up. */
const MAX_HOSTS = 1_000

/** Which hosts want to be left alone (RFC 9110, section 10.2.3): whoever asks them, whatever mirror it is for. */
export class Rests {
  readonly #byHost = new Map<string, Rest>()

  /** A host's, by `host` or `host:port` as in URLs; of what is no host's its own alone. */
  of(host: string): HostRest {
    if (host === '') return new OwnRest()
    const rests = this.#byHost
    return {
      get current() {
        return rests.get(host)
      },
      begin: (rest) => {
        rests.delete(host)
        rests.set(host, rest)
        const [oldest] = rests.keys()
        if (rests.size > MAX_HOSTS && oldest !== undefined) rests.delete(oldest)
      },
    }
  }
}

/** That of one source alone. */
export class OwnRest implements HostRest {
  current: Rest | undefined

  begin(rest: Rest): void {
    this.current = rest
  }
}
