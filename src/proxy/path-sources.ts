import type { Digest } from '../model/digest.ts'
import type { PinyonError } from '../model/errors.ts'
import type { SourceReport } from '../upstream/upstream.ts'
import type { FileReply, Reply } from './reply.ts'

/** Where the bytes of a digest are, as far as this process knows. */
export interface BlobPlace {
  /** `filling`: a fill of this process runs. */
  readonly state: 'stored' | 'filling' | 'absent'
  readonly bytes?: number
  /** When it was last needed, in milliseconds since the epoch, to half a minute. */
  readonly usedAt?: number
}

/** What explains paths. */
export interface PathSources {
  /** What a target names; never freezes a view. Throws as the request for it would. */
  readonly resolve: (target: string) => Promise<Reply>
  readonly placeOf: (digest: Digest, size: number | undefined) => Promise<BlobPlace>
  /** What a GET of a file is refused with, as far as that is known without asking anybody; undefined where it is not refused, or fetching it would tell. */
  readonly refusalOf: (file: FileReply) => Promise<PinyonError | undefined>
  /** Where packages of a mirror are asked for when upstream has them no more. */
  readonly fallbacksOf: (mirror: string) => readonly SourceReport[]
}
