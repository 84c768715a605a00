/** What of a package's element a test decides. */
export interface ElementOptions {
  /** Default `Packages/<name>.rpm`. */
  readonly href?: string
  /** `xml:base` of the location; none unless told. */
  readonly base?: string
  /** A digit that the sha256 is made of; default 0. */
  readonly hex?: string
}

/** A package's element of primary.xml, for documents that no tool would write. */
export function formatElement(name: string, options: ElementOptions = {}): string {
  const { href = `Packages/${name}.rpm`, base, hex = '0' } = options
  const xmlBase = base === undefined ? '' : ` xml:base="${base}"`
  return `<package type="rpm"><name>${name}</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>
<checksum type="sha256" pkgid="YES">${hex.repeat(64)}</checksum><size package="1"/>
<location${xmlBase} href="${href}"/></package>
`
}

/** A primary.xml of these elements. */
export function formatPrimary(elements: readonly string[]): string {
  const open = `<metadata xmlns="http://linux.duke.edu/metadata/common" packages="${elements.length}">`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${open}\n${elements.join('')}</metadata>\n`
}
