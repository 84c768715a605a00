import { allBaseurls } from '../config/arches.ts'
import type { Config, MirrorConfig } from '../config/config.ts'
import { PinyonError } from '../model/errors.ts'
import { PackageGate } from '../proxy/package-gate.ts'
import { createJudge } from '../snapshot/keys/judge.ts'
import { KeyRing, type FetchKeys, type Freshness, type RingKeys } from '../snapshot/keys/key-ring.ts'
import type { KeyStore } from '../snapshot/keys/key-store.ts'
import { SignatureHopes } from '../snapshot/keys/late-signature.ts'
import { createVerifier } from '../snapshot/keys/verifier.ts'
import type { SyncContext } from '../snapshot/sync.ts'
import type { SharedUpstream } from './create-upstream.ts'
import { fetchKeys } from './fetch-keys.ts'

/** What {@link Signatures} are built from. */
export interface SignaturesOptions {
  readonly store: KeyStore
  readonly upstream: SharedUpstream
  readonly now: () => number
  /** Ends what runs. */
  readonly signal: AbortSignal
}

/** Whose signatures count for which mirror: from the configuration to what syncs and answers are given. */
export class Signatures {
  readonly #options: SignaturesOptions
  readonly #ring: KeyRing
  readonly #hopes = new SignatureHopes()
  #mirrors: Config['mirrors'] = new Map()
  #gates: ReadonlyMap<string, PackageGate> = new Map()

  constructor(options: SignaturesOptions) {
    const { store, now, signal } = options
    this.#options = options
    this.#ring = new KeyRing({ store, judge: createJudge(signal), now })
  }

  /** Takes up a configuration. Packages of mirrors whose keys are others now are looked at anew. */
  configure({ mirrors }: Config): void {
    const gates = [...mirrors.values()].flatMap((mirror): [string, PackageGate][] => {
      if (!checksPackages(mirror)) return []
      const kept = this.#gates.get(mirror.name)
      const isSame = describeKeys(this.#mirrors.get(mirror.name)) === describeKeys(mirror)
      return [[mirror.name, kept !== undefined && isSame ? kept : this.#createGate(mirror)]]
    })
    this.#mirrors = mirrors
    this.#gates = new Map(gates)
  }

  /** Forgets the keys of URLs that no mirror names any more: named again, they are trusted anew. */
  async forgetOthers(): Promise<void> {
    await this.#options.store.forgetKeys(keyUrls(this.#mirrors))
  }

  /** How a sync of a mirror looks at signatures. */
  ofSync(mirror: MirrorConfig): Pick<SyncContext, 'signature' | 'hopes'> {
    const hopes = this.#hopes
    if (!mirror.repoGpgcheck) return { hopes }
    const { now } = this.#options
    const { gpgKeys: sources = [] } = mirror
    const verify = createVerifier({ ring: this.#ring, sources, fetch: this.#fetchFor(mirror.name), now })
    return { hopes, signature: { now, verify } }
  }

  /** What packages of a mirror have to pass; undefined when their signatures are not looked at. */
  gateOf(mirror: string): PackageGate | undefined {
    return this.#gates.get(mirror)
  }

  /** The keys of a mirror, as far as they are here. */
  async keysOf(mirror: string): Promise<RingKeys> {
    return await this.#ring.keysOf(this.#mirrors.get(mirror)?.gpgKeys ?? [])
  }

  #createGate({ name, gpgKeys: sources = [] }: MirrorConfig): PackageGate {
    const fetch = this.#fetchFor(name)
    const keysOf = (freshness?: Freshness) => this.#ring.keysOf(sources, freshness && fetch, freshness)
    const canRenew = sources.some((source) => 'url' in source)
    return new PackageGate({ keysOf, canRenew }, this.#options.now)
  }

  #fetchFor(mirror: string): FetchKeys {
    return async (url) => {
      const settings = this.#mirrors.get(mirror)
      if (settings === undefined)
        throw new PinyonError('MIRROR_UNCONFIGURED', `its mirror is no longer configured: ${mirror}`)
      const known = { ...settings, baseurls: allBaseurls(settings) }
      return await fetchKeys(known, url, this.#options.upstream, this.#options.signal)
    }
  }
}

/** Whether a mirror's packages are looked at: clients may be told to, though there is no key here. */
function checksPackages({ gpgcheck, gpgKeys = [] }: MirrorConfig): boolean {
  return gpgcheck === true && gpgKeys.length > 0
}

/** Whether two settings of a mirror mean the same check of repomd.xml. */
export function hasSameSignatures(a: MirrorConfig | undefined, b: MirrorConfig | undefined): boolean {
  const isSame = a?.repoGpgcheck === b?.repoGpgcheck
  return isSame && (a?.repoGpgcheck !== true || describeKeys(a) === describeKeys(b))
}

function describeKeys({ gpgKeys = [] }: Pick<MirrorConfig, 'gpgKeys'> = {}): string {
  return JSON.stringify(gpgKeys.map((key) => ('url' in key ? key.url : key.armored.toString('latin1'))))
}

function keyUrls(mirrors: Config['mirrors']): string[] {
  const keys = [...mirrors.values()].flatMap(({ gpgKeys = [] }) => gpgKeys)
  return keys.flatMap((key) => ('url' in key ? [key.url] : []))
}
