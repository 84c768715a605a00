import type { Digest } from '../../src/model/digest.ts'
import type { Random } from '../support/random.ts'
import type { Farm } from './farm.ts'
import type { Judge } from './judge.ts'
import type { MirrorName, Repositories } from './repositories.ts'
import type { Weather } from './weather.ts'

/** What an operator, and whoever makes trouble, works with. */
export interface Desk {
  readonly farm: Farm
  readonly repositories: Repositories
  readonly weather: Weather
  readonly judge: Judge
  readonly random: Random
  /** Snapshots' repomd.xml by URL, as clients have seen them. */
  readonly snapshots: Map<string, unknown>
  /** Told of a generation that the server has published, or found published. */
  readonly onSynced: (mirror: MirrorName, repomd: Digest) => void
}
