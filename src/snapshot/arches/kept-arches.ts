/** Architectures whose packages stay what they are in a mirror's newest snapshot. */
export interface KeptArches {
  /** That snapshot. When it is not the newest any more, nothing is published: REPODATA_MOVING. */
  readonly snapshotId: number
  readonly arches: readonly string[]
}

/** Their names as statements take them: `/aarch64/x86_64/`; empty for none. */
export function toKeptParts(kept: KeptArches | undefined): string {
  return kept === undefined ? '' : `/${kept.arches.join('/')}/`
}
