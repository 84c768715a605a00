import type { KINDS } from '../system/metric-table.ts'
import type { EndedRequest } from './ended-request.ts'

/** What a request was about, for figures. */
export type RequestKind = (typeof KINDS)[number]

const INDEX = /^\/repos\/(?:yum\/all_latest\.|generations\/|at\/)/
/** A file below a snapshot, or below what stands for one. */
const FILE = /^\/repos\/yum\/[^/]+\/[^/]+\/[^?]*[^/?](?:\?|$)/
/** What is no package of a snapshot may have been asked for as one. */
const PACKAGE = /\.rpm(?:\?|$)/i
const MIRROR = /^\/repos\/yum\/([^/?]+)\//
const FOR_MACHINES = /^\/(?:api\/|metrics$|healthz$|readyz$)/

/** Tells what a request was about, by its target, whatever became of it. */
export function kindOf({ target, packageName }: Pick<EndedRequest, 'target' | 'packageName'>): RequestKind {
  if (packageName !== undefined) return 'package'
  if (!target.startsWith('/repos/')) return FOR_MACHINES.test(target) ? 'api' : 'ui'
  if (target.includes('/repodata/')) return 'repodata'
  if (target.startsWith('/repos/inject')) return 'inject'
  if (target.startsWith('/repos/views/')) return 'view'
  if (INDEX.test(target)) return 'index'
  if (/\/latest\.txt(?:\?|$)/.test(target)) return 'latest'
  if (!FILE.test(target)) return 'ui'
  return PACKAGE.test(target) ? 'package' : 'extra'
}

/** The name in the place of a mirror's, which may be of none; undefined for what is about no mirror. */
export function mirrorOf({
  target,
  snapshot,
}: Pick<EndedRequest, 'target' | 'snapshot'>): string | undefined {
  return snapshot?.mirror ?? MIRROR.exec(target)?.[1]
}
