import type { Config } from '../config/config.ts'
import { readValidity } from '../model/identity.ts'
import { formatInstant } from '../model/instant.ts'

/** What there is to say about the certificates that mirrors show. */
export interface IdentityCheck {
  /** A line for each of them. */
  readonly lines: readonly string[]
  /** Those that no server takes. */
  readonly problems: readonly string[]
}

/** Looks at the time for which the client certificates of a configuration are valid. @param nowMs since the epoch */
export function checkIdentities({ mirrors }: Config, nowMs: number): IdentityCheck {
  const lines: string[] = []
  const problems: string[] = []
  for (const { name, access, identity } of mirrors.values()) {
    if (access?.sslverify === false) lines.push(`${name}: certificates of its servers are not checked`)
    const validity = identity?.cert === undefined ? undefined : readValidity(identity.cert)
    if (validity === undefined) continue
    const place = `mirrors.${name}.sslclientcert: ${access?.sslclientcert ?? ''}`
    const [from, to] = [formatInstant(validity.from), formatInstant(validity.to)]
    if (nowMs > validity.to) problems.push(`${place} expired on ${to}: put a new one in its place`)
    else if (nowMs < validity.from)
      problems.push(`${place} is not valid before ${from}: look at this machine's clock`)
    else lines.push(`${name}: its sslclientcert is valid until ${to}`)
  }
  return { lines, problems }
}
