import type { BlobLedger } from '../cache/blob-ledger.ts'
import type { ExpectedBlob } from '../cache/blob-store.ts'
import type { PathSources } from '../proxy/path-sources.ts'
import type { Resolver } from '../proxy/resolver.ts'
import type { SourceReport } from '../upstream/upstream.ts'

/** What paths are explained from. */
export interface PathParts extends Pick<PathSources, 'refusalOf'> {
  readonly resolver: Pick<Resolver, 'resolve'>
  readonly ledger: Pick<BlobLedger, 'find'>
  /** The fills of this process; none where no server runs. */
  readonly fills?: { has(expected: ExpectedBlob): boolean }
  readonly fallbacksOf?: (mirror: string) => readonly SourceReport[]
}

/** Index URLs are not shown, and whoever asks has frozen no view. */
const NOBODY = { base: () => 'http://localhost', client: 'nobody' }

/** What `why` answers from. */
export function createPathSources({
  resolver,
  ledger,
  fills,
  fallbacksOf,
  refusalOf,
}: PathParts): PathSources {
  return {
    resolve: (target) => resolver.resolve(target, NOBODY.base, NOBODY.client),
    placeOf: async (digest, size) => {
      const found = ledger.find(digest)
      if (found !== undefined) return { state: 'stored', bytes: found.size, usedAt: found.usedAt }
      return { state: fills?.has({ digest, size }) === true ? 'filling' : 'absent' }
    },
    refusalOf,
    fallbacksOf: fallbacksOf ?? (() => []),
  }
}
