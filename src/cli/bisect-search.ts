/** What one run says of a place: the first `bad` one is looked for; `skip` says nothing. */
export type Verdict = 'good' | 'bad' | 'skip'

/** A search among the places 0 … n, of which the first is good and the last bad. */
export interface Search {
  /** The last place known to be good, and the first known to be bad. */
  readonly good: number
  readonly bad: number
  readonly skipped: ReadonlySet<number>
}

/** Begins a search. @param last the place that is bad; 0 is good */
export function beginSearch(last: number): Search {
  return { good: 0, bad: last, skipped: new Set() }
}

/**
 * The place to try next: the middle, or the nearest to it that was not skipped. Undefined when there is none left: then the first bad place
 * is `bad`, or, with skipped ones between, among {@link candidates}.
 */
export function nextPlace({ good, bad, skipped }: Search): number | undefined {
  const middle = Math.floor((good + bad) / 2)
  for (let distance = 0; distance < bad - good; distance += 1)
    for (const place of [middle - distance, middle + distance])
      if (place > good && place < bad && !skipped.has(place)) return place
  return undefined
}

/** Takes up what a run said of a place that {@link nextPlace} gave. */
export function learn(search: Search, place: number, verdict: Verdict): Search {
  if (verdict === 'good') return { ...search, good: place }
  if (verdict === 'bad') return { ...search, bad: place }
  return { ...search, skipped: new Set([...search.skipped, place]) }
}

/** The places of which one is the first bad one; only one when that is known. */
export function candidates({ good, bad }: Search): number[] {
  return Array.from({ length: bad - good }, (_, index) => good + 1 + index)
}

/** How many more runs it takes at most, if none is skipped. */
export function runsLeft({ good, bad }: Search): number {
  return Math.ceil(Math.log2(bad - good))
}
