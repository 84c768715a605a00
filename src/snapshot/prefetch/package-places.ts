import { parseBasedHref } from '../../model/based-href.ts'
import { climbing, normalizePackageHref } from '../../model/href.ts'
import { isTemplate } from '../../model/url-template.ts'

/** Somewhere to ask for a package: an href, of one base URL alone or of all that there are. */
export interface PackagePlace {
  readonly href: string
  readonly onlyBaseurl?: string
}

/**
 * Where a package may be asked for, the likeliest first. What its repository says to be elsewhere (`xml:base`) is asked for there when that
 * is on a server that this mirror comes from, or relative to it, and then at the mirror itself; never anywhere else. Last comes the path as
 * it is: of another pinyon, which has rewritten the same.
 */
export function placesAt(path: string, baseurls: readonly string[]): readonly PackagePlace[] {
  const based = parseBasedHref(path)
  if (based === undefined) return [{ href: path }]
  const { base, href } = based
  const elsewhere = baseurls.flatMap((baseurl): readonly PackagePlace[] => {
    const found = hrefFrom(baseurl, base + href)
    return found === undefined ? [] : [{ href: found, onlyBaseurl: baseurl }]
  })
  const relative = /^(?:[a-z][a-z0-9+.-]*:|\/)/i.test(base)
    ? undefined
    : normalizePackageHref(`${base}/${href}`)
  return [...elsewhere, ...(relative === undefined ? [] : [{ href: relative }]), { href }, { href: path }]
}

/** Where a package is that its repository says to be below one of these URLs, which the configuration allows; undefined for any other. */
export function allowedPlace(path: string, allowed: readonly string[]): PackagePlace | undefined {
  const based = parseBasedHref(path)
  const root = based && allowed.find((one) => based.base.startsWith(one))
  const href = root === undefined || based === undefined ? undefined : hrefFrom(root, based.base + based.href)
  // What climbs is not below it.
  return href === undefined || href.startsWith('../') ? undefined : { href, onlyBaseurl: root ?? '' }
}

/** A package's href as its repository has it, beside whatever base. */
export function originalHref(path: string): string {
  return parseBasedHref(path)?.href ?? path
}

/** The href that leads from a base URL to another URL of the same server; undefined where none does. */
function hrefFrom(baseurl: string, url: string): string | undefined {
  if (isTemplate(baseurl)) return undefined
  const [from, to] = [URL.parse(baseurl), URL.parse(url)]
  if (from === null || to === null || !/^https?:$/.test(from.protocol) || from.origin !== to.origin)
    return undefined
  const [here, there] = [directoriesOf(from), to.pathname.split('/').slice(1)]
  let common = 0
  while (common < here.length && common < there.length - 1 && here[common] === there[common]) common += 1
  try {
    const below = there.slice(common).map((segment) => decodeURIComponent(segment))
    return normalizePackageHref(climbing(here.length - common, below.join('/')))
  } catch {
    return undefined
  }
}

function directoriesOf({ pathname }: URL): string[] {
  return pathname.split('/').slice(1, -1)
}
