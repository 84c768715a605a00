import type { TestContext } from 'node:test'

import type { Identity } from '../../src/model/identity.ts'
import { LiveIdentity } from '../../src/upstream/live-identity.ts'
import { MirrorUpstream, type UpstreamOptions } from '../../src/upstream/mirror-upstream.ts'
import type { UpstreamReply } from '../../src/upstream/upstream.ts'

/** Opens the sources of a mirror; pauses are not waited for but noted, in milliseconds. */
export function openUpstream(
  t: TestContext,
  baseurls: readonly string[],
  options: Partial<UpstreamOptions> = {},
): { upstream: MirrorUpstream; pauses: number[] } {
  const pauses: number[] = []
  const upstream = new MirrorUpstream({
    baseurls,
    timeoutMs: 10_000,
    retries: 0,
    userAgent: 'pinyon/test',
    sleep: async (ms) => void pauses.push(ms),
    ...options,
  })
  t.after(() => upstream.close())
  return { upstream, pauses }
}

/** Options of a mirror that is made known by this identity, as it is now. */
export function knownBy(identity: Partial<Identity>): { identity: LiveIdentity } {
  const first = { sslverify: true, ...identity }
  return { identity: new LiveIdentity({ first, files: [], read: () => first }) }
}

/** All bytes of an answer. */
export async function readBody(reply: UpstreamReply): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of reply.body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** All that an error says to anybody: its message, its facts, its causes and their fields. */
export function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = Object.getOwnPropertyNames(error).filter((name) => name !== 'cause' && name !== 'stack')
  const fields = own.map((name) => JSON.stringify(Reflect.get(error, name)))
  return [String(error), ...fields, error.cause === undefined ? '' : everythingIn(error.cause)].join('\n')
}
