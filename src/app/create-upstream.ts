import type { MirrorConfig } from '../config/config.ts'
import { filesOf, readIdentity } from '../config/identity-files.ts'
import { PinyonError } from '../model/errors.ts'
import { NO_IDENTITY } from '../model/identity.ts'
import type { Logger } from '../system/logger.ts'
import { VERSION } from '../system/version.ts'
import { LiveIdentity } from '../upstream/live-identity.ts'
import { MirrorUpstream, type UpstreamOptions } from '../upstream/mirror-upstream.ts'
import type { Network } from '../upstream/network.ts'
import type { UpstreamWatch } from '../upstream/source-watch.ts'

/** Where a mirror comes from, and how it is asked. */
export type MirrorSources = Pick<MirrorConfig, 'baseurls' | 'timeoutMs' | 'retries'> &
  Partial<Pick<MirrorConfig, 'name' | 'proxy' | 'access' | 'identity' | 'pace'>>

/** What the sources of all mirrors have in common. */
export interface SharedUpstream {
  readonly network: Network
  /** Told when certificates and secrets change; nobody is unless told. */
  readonly log?: Logger
  /** Who counts what a mirror's sources are asked; nobody unless told. */
  readonly watchOf?: (mirror: string) => UpstreamWatch
}

/** The sources of one mirror. */
export function createUpstream(
  mirror: MirrorSources,
  { network, log, watchOf }: SharedUpstream,
  more: Pick<UpstreamOptions, 'staysSecure' | 'knownTo' | 'failovermethod' | 'prepare'> = {},
): MirrorUpstream {
  const { name, baseurls, timeoutMs, retries, proxy, pace } = mirror
  const watch = name === undefined ? undefined : watchOf?.(name)
  const identity = createIdentity(mirror, log)
  return new MirrorUpstream({
    baseurls,
    timeoutMs,
    retries,
    userAgent: `pinyon/${VERSION}`,
    network,
    ...(identity === undefined ? {} : { identity }),
    ...(watch === undefined ? {} : { watch }),
    ...(pace === undefined ? {} : { pace }),
    ...(proxy === undefined ? {} : { proxy }),
    ...more,
  })
}

function createIdentity(
  { name = '', access, identity: first = NO_IDENTITY }: MirrorSources,
  log: Logger | undefined,
): LiveIdentity | undefined {
  if (access === undefined) return undefined
  return new LiveIdentity({
    first,
    files: filesOf(access),
    read: () => {
      const reading = readIdentity(access)
      if ('identity' in reading) return reading.identity
      const problems = reading.problems.map(
        ({ key, file = '', expected }) => `mirrors.${name}.${key}: ${file}: expected ${expected}`,
      )
      throw new PinyonError('CONFIG_INVALID', problems.join('; '))
    },
    onChange: (problem) => {
      if (problem === undefined) log?.info({ mirror: name }, 'certificates and secrets are right again')
      else log?.error({ mirror: name, reason: problem }, 'certificates and secrets')
    },
  })
}
