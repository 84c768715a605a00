import { allBaseurls } from '../config/arches.ts'
import type { Config, MirrorConfig } from '../config/config.ts'
import type { MirrorUpstream } from '../upstream/mirror-upstream.ts'
import { createUpstream, type SharedUpstream } from './create-upstream.ts'

/** The servers beside their own that mirrors fetch packages from, where these say to be there (`xml_base`): asked without a mirror's credentials. */
export class Elsewhere {
  readonly #sources = new Map<string, { readonly key: string; readonly upstream: MirrorUpstream }>()

  readonly #shared: SharedUpstream

  constructor(config: Config, shared: SharedUpstream) {
    this.#shared = shared
    this.adopt(config)
  }

  /** Those of a mirror; undefined where none are allowed. */
  of(mirror: string): MirrorUpstream | undefined {
    return this.#sources.get(mirror)?.upstream
  }

  /** Another configuration runs; transfers from those that go end by themselves. */
  adopt({ mirrors }: Config): void {
    for (const name of this.#sources.keys()) if (!mirrors.has(name)) this.#sources.delete(name)
    for (const mirror of mirrors.values()) {
      const key = describeElsewhere(mirror)
      const { xmlBases: baseurls = [] } = mirror
      if (baseurls.length === 0) this.#sources.delete(mirror.name)
      else if (this.#sources.get(mirror.name)?.key !== key) {
        // They are shown nothing that is meant for upstream.
        const more = { knownTo: allBaseurls(mirror) }
        const upstream = createUpstream({ ...mirror, baseurls }, this.#shared, more)
        this.#sources.set(mirror.name, { key, upstream })
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sources.values()].map(({ upstream }) => upstream.close()))
  }
}

/** Whether two settings of a mirror allow the same servers, asked in the same way. */
export function hasSameElsewhere(a: MirrorConfig | undefined, b: MirrorConfig | undefined): boolean {
  return describeElsewhere(a) === describeElsewhere(b)
}

function describeElsewhere(mirror: MirrorConfig | undefined): string {
  const { xmlBases = [], timeoutMs, retries, proxy, access, pace } = mirror ?? {}
  return JSON.stringify([xmlBases, timeoutMs, retries, proxy, access, pace])
}
