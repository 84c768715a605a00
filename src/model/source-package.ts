import { formatEvr, type Nevra } from './nevra.ts'

// The source package that one was built from, as primary.xml names it: `kernel-5.14.0-503.el9.src.rpm`. Most have its version and release, and many
// its name: what a package says of itself is not stored a second time.

const SOURCE_RPM = /^([^/\s]+)-([^-/\s]+)-([^-/\s]+)\.(?:no)?src\.rpm$/
/** No file system takes a longer file name. */
const MAX_LENGTH = 255

/** A package and its source. */
export interface Sourced extends Nevra {
  /** The file name of its source package; undefined when nobody said. */
  readonly source?: string | undefined
}

/** Whether something is a source package's file name, `NAME-VERSION-RELEASE.src.rpm` or `….nosrc.rpm`. */
export function isSourceRpm(file: string): boolean {
  return file.length <= MAX_LENGTH && SOURCE_RPM.test(file)
}

/** What is stored of a source: empty for the package's own name, version and release, a name for its version and release, else the file name. */
export function shortenSource({ source, name, version, release }: Sourced): string | null {
  if (source === undefined) return null
  const end = `-${version}-${release}.src.rpm`
  if (!source.endsWith(end)) return source
  const own = source.slice(0, -end.length)
  if (own === name) return ''
  // What ends like a file name would be taken for one.
  return own === '' || own.endsWith('.rpm') ? source : own
}

/** The file name that {@link shortenSource} has shortened. A source package is its own source, of which primary.xml says nothing. */
export function expandSource(
  stored: string | null,
  { name, version, release, arch }: Nevra,
): string | undefined {
  const isSource = arch === 'src' || arch === 'nosrc'
  if (stored === null) return isSource ? `${name}-${version}-${release}.${arch}.rpm` : undefined
  if (stored.endsWith('.rpm')) return stored
  return `${stored || name}-${version}-${release}.src.rpm`
}

/** `kernel` of `kernel-5.14.0-503.el9.src.rpm`. */
export function sourceName(source: string): string {
  return SOURCE_RPM.exec(source)?.[1] ?? source
}

/** `5.14.0-503.el9` of `kernel-5.14.0-503.el9.src.rpm`: the file name has no epoch. */
export function sourceVersion(source: string): string {
  const [, , version = '', release = ''] = SOURCE_RPM.exec(source) ?? []
  return formatEvr({ epoch: '0', version, release })
}
