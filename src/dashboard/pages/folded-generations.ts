import type { ChangeCounts } from '../../snapshot/farm/farm.ts'
import type { Generation } from '../../snapshot/store.ts'
import { html, type Html } from '../html.ts'
import type { Links } from '../links.ts'
import { clip, counted, time } from '../text.ts'
import { changesInWords, generationRow } from './latest-changes.ts'

const MINUTE_MS = 60_000
/** Of a row that is folded: as many mirrors, and reasons, are named. */
const MAX_NAMED = 3

/** Generations in rows, those of one minute as one that opens. */
export function foldedRows(
  generations: readonly Generation[],
  counts: ReadonlyMap<string, ChangeCounts>,
  links: Links,
  nowMs: number,
): readonly Html[] {
  const minutes = Map.groupBy(generations, ({ createdAt }) => Math.floor(createdAt / MINUTE_MS))
  return [...minutes.values()].map((members) => {
    const rows = members.map((one) => generationRow(one, counts, links, nowMs, { hasActor: true }))
    const [newest, oldest] = [members[0], members.at(-1)]
    if (newest === undefined || oldest === undefined || members.length === 1) return html`${rows}`
    const sum = sumInWords(members, counts)
    // Its name stays the same while the minute goes on: what is open stays open.
    return html`<tr>
      <td class="many" colspan="5">
        <details class="group" id="g${oldest.number}">
          <summary>
            <b>${numbersInWords(newest, oldest, members.length)}, ${mirrorsInWords(members)}</b>
            <span>${time(oldest.createdAt, nowMs)}</span>
            ${sum !== undefined && html`<span>${sum}</span>`}
            <span>${causesInWords(members)}</span>
          </summary>
          <table class="gen">
            <caption class="sr">
              Generations of this minute, the newest first
            </caption>
            <tbody>
              ${rows}
            </tbody>
          </table>
        </details>
      </td>
    </tr>`
  })
}

/** Of one mirror's generations some in between may be of others. */
function numbersInWords(newest: Generation, oldest: Generation, length: number): string {
  const range = `${oldest.number}–${newest.number}`
  return newest.number - oldest.number + 1 === length
    ? `generations ${range}`
    : `${counted(length, 'generation')} of ${range}`
}

function mirrorsInWords(generations: readonly Generation[]): string {
  const names = [
    ...new Set(generations.flatMap(({ changes }) => changes.map(({ mirror }) => mirror))),
  ].toSorted()
  return names.length > MAX_NAMED ? counted(names.length, 'mirror') : names.join(', ')
}

/** What all of them brought together; nothing where that of one is not counted. */
function sumInWords(
  generations: readonly Generation[],
  counts: ReadonlyMap<string, ChangeCounts>,
): string | undefined {
  let sum: ChangeCounts = { added: 0, removed: 0, upgraded: 0, downgraded: 0, replaced: 0 }
  for (const { cause, changes } of generations) {
    const [only] = changes.length === 1 ? changes : []
    const found = cause === 'sync' && only !== undefined && counts.get(`${only.mirror} ${only.to}`)
    if (!found) return undefined
    sum = {
      added: sum.added + found.added,
      removed: sum.removed + found.removed,
      upgraded: sum.upgraded + found.upgraded,
      downgraded: sum.downgraded + found.downgraded,
      replaced: sum.replaced + found.replaced,
    }
  }
  return changesInWords(sum)
}

/** Who did what, and why: what somebody did is not hidden among what the schedule did. */
function causesInWords(generations: readonly Generation[]): string {
  const causes = new Set(
    generations.map(({ cause, actor, why }) => {
      const who = actor === '' ? cause : `${cause}, ${actor}`
      return why === undefined ? who : `${who} “${clip(why)}”`
    }),
  )
  const [named, more] = [[...causes].slice(0, MAX_NAMED), causes.size - MAX_NAMED]
  return `${named.join('; ')}${more > 0 ? ` and ${more} more` : ''}`
}
