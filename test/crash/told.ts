import type { Generation } from './generations.ts'

/** What a client was told or given, or has asked for. */
export type Fact =
  /** A snapshot of the mirror, seen in an index or a list. */
  | { readonly kind: 'snapshot'; readonly name: string; readonly of: Generation }
  /** The mirror's current snapshot in a generation of the index; undefined: it was not in it. */
  | { readonly kind: 'index'; readonly generation: number; readonly current: string | undefined }
  /** A view's index, its server's URL left out; undefined: it was asked to end. */
  | { readonly kind: 'view'; readonly view: string; readonly index: string | undefined }
  /** A package that a fetch has stored. */
  | { readonly kind: 'stored'; readonly path: string }
  /** What the configuration may say from now on, as an answer is awaited; see {@link Told.states}. */
  | { readonly kind: 'asked'; readonly state: string }
  /** What it says by an answer that has come. */
  | { readonly kind: 'answered'; readonly state: string }
  /** Snapshots may be retired from now on. */
  | { readonly kind: 'retiring' }
  /** What is stored may be evicted from now on. */
  | { readonly kind: 'evicting' }

/** Facts in their order, each with the length of the journal when it was known for sure. */
export class Told {
  readonly #facts: { readonly at: number; readonly fact: Fact }[] = []
  readonly #position: () => number

  /** @param position how long the journal is now */
  constructor(position: () => number) {
    this.#position = position
  }

  note(fact: Fact): void {
    this.#facts.push({ at: this.#position(), fact })
  }

  /** What must hold once this much of the journal was done. */
  until(position: number): Promised {
    return new Promised(this.#facts.filter(({ at }) => at <= position).map(({ fact }) => fact))
  }
}

/** What is held against a server after a crash. */
export class Promised {
  readonly snapshots = new Map<string, Generation>()
  readonly indexes = new Map<number, string | undefined>()
  readonly views = new Map<string, string | undefined>()
  readonly stored = new Set<string>()
  /** What the configuration may say: by the last answer, or by what was asked for since. */
  states = new Set<string>()
  mayRetire = false
  mayEvict = false
  /** Of how many facts they are made. */
  readonly size: number

  constructor(facts: readonly Fact[]) {
    this.size = facts.length
    for (const fact of facts) this.#add(fact)
  }

  #add(fact: Fact): void {
    if (fact.kind === 'snapshot') this.snapshots.set(fact.name, fact.of)
    else if (fact.kind === 'index') this.indexes.set(fact.generation, fact.current)
    else if (fact.kind === 'view') this.views.set(fact.view, fact.index)
    else if (fact.kind === 'stored') this.stored.add(fact.path)
    else if (fact.kind === 'asked') this.states.add(fact.state)
    else if (fact.kind === 'answered') this.states = new Set([fact.state])
    else if (fact.kind === 'retiring') this.mayRetire = this.mayEvict = true
    else this.mayEvict = true
  }
}
