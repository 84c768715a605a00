import { digestHex } from '../model/digest.ts'
import { PinyonError } from '../model/errors.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { MirrorState, Snapshot } from '../snapshot/store.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import type { TextReply } from './reply.ts'

/**
 * Answers `mirrors/<m>/diff[?from=&to=]`: snapshots by name, or `current` and `newest`. Without `to` it is the current one, without
 * `from` the one before that.
 */
export async function answerDiff(
  { snapshots, diff }: ApiContext,
  state: MirrorState,
  { rest, query }: ApiRequest,
): Promise<TextReply | undefined> {
  if (rest.length > 0) return undefined
  const all = await snapshots.snapshots(state.name)
  const asked = query.get('to')
  const to = asked === null ? (state.current ?? all[0]) : resolveSnapshot(all, state, asked)
  if (to === undefined) throw new PinyonError('NOT_FOUND', `no snapshot yet of: ${state.name}`)
  const named = query.get('from')
  const from = named === null ? snapshotBefore(all, to) : resolveSnapshot(all, state, named)
  const { body, digest } = await diff({ mirror: state.name, from: from.name, to: to.name })
  const etag = `"${digestHex(digest).slice(0, 32)}"`
  return { kind: 'text', status: 200, contentType: 'application/json', body, etag }
}

/**
 * A snapshot by name, or by what it is: `current`, `newest`.
 * @param all newest first
 * @throws PinyonError NOT_FOUND, naming those that may have been meant
 */
function resolveSnapshot(all: readonly Snapshot[], state: MirrorState, name: string): Snapshot {
  const asked = name === 'current' ? state.current?.name : name === 'newest' ? all[0]?.name : name
  const found = all.find((snapshot) => snapshot.name === asked)
  if (found !== undefined) return found
  const names = all.map((snapshot) => snapshot.name)
  const known = names.length === 0 ? 'it has none' : `the nearest are ${nearestNames(name, names).join(', ')}`
  throw new PinyonError('NOT_FOUND', `${state.name} has no snapshot ${JSON.stringify(name)}: ${known}`)
}

function snapshotBefore(all: readonly Snapshot[], snapshot: Snapshot): Snapshot {
  const before = all[all.findIndex(({ id }) => id === snapshot.id) + 1]
  if (before !== undefined) return before
  throw new PinyonError('NOT_FOUND', `${snapshot.mirror} has no snapshot before: ${snapshot.name}`)
}
