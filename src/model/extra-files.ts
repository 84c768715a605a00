/** Which files beside repomd.xml's own are pinned with each snapshot. */
export interface ExtraWishes {
  /** Paths below the repository, and patterns of them: see {@link parseFilePattern}. */
  readonly paths: readonly string[]
  /** Whether nobody asked for them: then those that cannot be had are not told of, and keep no snapshot from being made. */
  readonly areUsual: boolean
}

/** What installers and zypper look for: pinned where upstream has it, unless the configuration says what is. */
export const USUAL_EXTRA_FILES: ExtraWishes = {
  paths: ['.treeinfo', 'media.1/media', 'LICENSE', 'RPM-GPG-KEY-*'],
  areUsual: true,
}
