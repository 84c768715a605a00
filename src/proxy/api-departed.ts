import { PinyonError } from '../model/errors.ts'
import { formatNevra } from '../model/nevra.ts'
import { lostRetryMs } from '../model/prefetch.ts'
import type { DepartedState, Departure, ListedFile } from '../snapshot/departed/departed.ts'
import type { Snapshot } from '../snapshot/store.ts'
import type { ApiContext } from './api-context.ts'
import { createJsonReply, readCount, toIso } from './api-reply.ts'
import type { TextReply } from './reply.ts'

/** How a package left upstream, as the API shows it. */
export interface DepartureView {
  readonly state: DepartedState
  /** When a look upstream found it gone. */
  readonly left_at: string | null
  /** Whether upstream has other bytes under its href by now. */
  readonly replaced: boolean
  /** When all sources were asked last, how often, and what they said. */
  readonly asked_at: string | null
  readonly times: number
  readonly answers: string | null
  /** Of a lost one: from when on whoever asks for it has them asked again. */
  readonly asked_again_at: string | null
}

/** A package that upstream has dropped, as the API shows it. */
export interface DepartedPackageView extends DepartureView {
  readonly nevra: string
  readonly name: string
  readonly href: string
  readonly digest: string
  readonly bytes: number | null
}

/** Some of them. */
export interface DepartedPage {
  readonly packages: readonly DepartedPackageView[]
  /** What to ask the next page with, as `after`; null on the last one. */
  readonly next: number | null
}

const STATES: readonly DepartedState[] = ['cached', 'at_risk', 'lost']
const MAX_LIMIT = 1_000

/** Answers `mirrors/<m>/snapshots/<s>/packages?state=at_risk|lost|cached[&after=&limit=]`: those that upstream has dropped. */
export async function answerDeparted(
  { snapshots: { departed } }: Pick<ApiContext, 'snapshots'>,
  snapshot: Snapshot,
  query: URLSearchParams,
): Promise<TextReply> {
  const limit = Math.max(1, Math.min(readCount(query, 'limit') ?? MAX_LIMIT, MAX_LIMIT))
  const found = await departed.list(snapshot.mirror, {
    states: [readState(query)],
    snapshot,
    after: readCount(query, 'after') ?? 0,
    limit: limit + 1,
  })
  const page = found.slice(0, limit)
  const reply: DepartedPage = {
    packages: page.map(toView),
    next: found.length > limit ? (page.at(-1)?.packageId ?? null) : null,
  }
  return createJsonReply(reply)
}

function readState(query: URLSearchParams): DepartedState {
  const asked = query.get('state')
  const state = STATES.find((one) => one === asked)
  if (state !== undefined) return state
  const found = JSON.stringify(asked?.slice(0, 80) ?? null)
  throw new PinyonError('PATH_REFUSED', `expected a state of ${STATES.join(', ')}, found: ${found}`)
}

function toView(file: ListedFile): DepartedPackageView {
  const { departure } = file
  return {
    nevra: formatNevra(file),
    name: file.name,
    href: file.href,
    digest: file.digest,
    bytes: file.size ?? null,
    ...toDepartureView(departure),
  }
}

/** A departure in the API's words. */
export function toDepartureView(departure: Departure | undefined): DepartureView {
  const { state = 'at_risk', leftAt, isReplaced = false, lost } = departure ?? {}
  return {
    state,
    left_at: toIso(leftAt),
    replaced: isReplaced,
    asked_at: toIso(lost?.askedAt),
    times: lost?.times ?? 0,
    answers: lost?.answers ?? null,
    asked_again_at: toIso(lost && lost.askedAt + lostRetryMs(lost.times)),
  }
}
