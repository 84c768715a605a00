import { indexOfGeneration } from '../past.ts'
import type { Index } from '../../snapshot/store.ts'
import { listIndexUrls } from '../index-formats.ts'
import type { ResolverStore } from '../resolver.ts'
import { EMPTY_INDEX, indexOfView, openView } from '../views.ts'
import type { InjectIndex, InjectQuery } from './inject-query.ts'
import type { InjectRunner } from './inject-runner.ts'
import type { InjectionResult } from './injection-job.ts'

/** What injections are answered from. */
export interface InjectSource {
  readonly store: Pick<ResolverStore, 'index' | 'history' | 'views'>
  readonly runner: Pick<InjectRunner, 'run'>
}

/** A configuration that somebody wants back with mirrors in it. */
export interface InjectRequest extends InjectQuery {
  readonly bytes: Buffer
  /** What URLs begin with. */
  readonly base: string
  /** The address of who asks. */
  readonly client: string
  /** Sets aside memory for so many bytes more than the configuration has. Throws PinyonError TOO_BUSY when there is none. */
  readonly take: (bytes: number) => void
}

/** A result, and the generation of the index that all of it is made with. */
export interface InjectReply extends InjectionResult {
  readonly generation: number
}

/**
 * Injects the URLs of one index. A request that is refused freezes and renews no view: the view is opened last, and should it then stand for
 * another generation than it was going to, because something was published meanwhile, the injection is done once more.
 * @throws PinyonError as the runner and `take` do, NOT_FOUND for a generation that never was, VIEWS_FULL
 */
export async function answerInject(source: InjectSource, request: InjectRequest): Promise<InjectReply> {
  const { index: wanted, client } = request
  const { history, views } = source.store
  const index = await findIndex(source.store, wanted)
  const reply = await injectIndex(source, request, index)
  if (wanted.kind !== 'view') return reply
  const { name, ttlMs } = wanted
  const generation = await openView(views, name, { ttlMs, client })
  if (generation === reply.generation) return reply
  return await injectIndex(source, request, await indexOfView(history, name, generation))
}

/** The index that is asked for; of a view that there is not yet, the one that it would freeze. */
async function findIndex(store: InjectSource['store'], wanted: InjectIndex): Promise<Index> {
  const current = await store.index()
  if (wanted.kind === 'current') return current
  if (wanted.kind === 'view') {
    const view = await store.views.find(wanted.name)
    if (view === undefined || view.generation === current.generation) return current
    return await indexOfView(store.history, wanted.name, view.generation)
  }
  if (wanted.text === String(current.generation)) return current
  // What an answer said that was given before anything was published.
  if (wanted.text === '0') return EMPTY_INDEX
  return await indexOfGeneration(store.history, wanted.text)
}

async function injectIndex(
  { runner }: InjectSource,
  { bytes, settings, base, take }: InjectRequest,
  index: Index,
): Promise<InjectReply> {
  const mirrors = listIndexUrls(index, base)
  const left = [...index.current.values()].filter(({ xmlBase }) => xmlBase === 'left')
  const elsewhere = left.map(({ mirror }) => mirror)
  const result = await runner.run({ bytes, mirrors, settings, elsewhere })
  // Kept until the client has read it, in the place of the configuration.
  take(Math.max(0, result.body.length - bytes.length))
  return { ...result, generation: index.generation }
}
