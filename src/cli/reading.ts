/** Where a reading command gets its answer. */
export interface MirrorSource {
  /** GETs a path of the API, as JSON. `answerMs`: how long a server may take; 0 for ever. */
  get<T>(path: string, answerMs?: number): Promise<T>
  /** Whether a server runs. */
  readonly running: boolean
  close(): Promise<void>
}
