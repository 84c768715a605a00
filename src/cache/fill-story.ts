import type { SourceStep } from '../model/source-step.ts'

/** What a fill was begun for. */
export interface FillSubject {
  readonly mirror: string
  /** As the snapshot lists it. */
  readonly path: string
}

/** How a fill went. */
export interface FillReport {
  /** Absent where nobody said. */
  readonly subject: FillSubject | undefined
  /** Milliseconds since it began. */
  readonly ms: number
  /** Until its first byte came; undefined where none did. */
  readonly firstByteMs: number | undefined
  /** The most clients that read it at a time, beside the one that began it. */
  readonly followers: number
  /** Requests of sources, in their order; of very many the first ones. None where another process downloads. */
  readonly steps: readonly SourceStep[]
  /** Further ones. */
  readonly furtherSteps: number
}

/** Requests that are told of one by one: more than a fill makes that ends. */
const MAX_STEPS = 32

/** Takes down how a fill goes. */
export class FillStory {
  readonly #subject: FillSubject | undefined
  readonly #startedAt = performance.now()
  readonly #steps: SourceStep[] = []
  #furtherSteps = 0
  #firstByteAt: number | undefined
  #readers = 0

  constructor(subject: FillSubject | undefined) {
    this.#subject = subject
  }

  /** A source is asked. */
  note(step: SourceStep): void {
    if (this.#steps.length < MAX_STEPS) this.#steps.push(step)
    else this.#furtherSteps += 1
  }

  /** A byte has come. */
  noteByte(): void {
    this.#firstByteAt ??= performance.now()
  }

  /** So many read it now. */
  noteReaders(count: number): void {
    this.#readers = Math.max(this.#readers, count)
  }

  report(): FillReport {
    const since = (at: number) => Math.round((at - this.#startedAt) * 10) / 10
    return {
      subject: this.#subject,
      ms: since(performance.now()),
      firstByteMs: this.#firstByteAt === undefined ? undefined : since(this.#firstByteAt),
      followers: Math.max(0, this.#readers - 1),
      steps: this.#steps,
      furtherSteps: this.#furtherSteps,
    }
  }
}
