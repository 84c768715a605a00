import type { FarmMirror } from '../../snapshot/farm/farm.ts'
import type { DashboardContext, MirrorSettings } from '../context.ts'
import type { Links } from '../links.ts'

/** What the parts of a mirror's page are made from. */
export interface MirrorParts {
  readonly mirror: FarmMirror
  readonly settings: MirrorSettings | undefined
  readonly context: DashboardContext
  readonly links: Links
  readonly nowMs: number
}
