import { compareEvr, type Evr } from './evr.ts'

/** Name, epoch, version, release and architecture: what a package calls itself. An absent epoch is `0`, an absent release empty. */
export interface Nevra extends Evr {
  readonly name: string
  readonly arch: string
}

/** `[epoch:]version-release` as rpm writes it: an epoch of 0 and an absent release are left out. */
export function formatEvr({ epoch, version, release }: Evr): string {
  const prefix = epoch === '' || epoch === '0' ? '' : `${epoch}:`
  return `${prefix}${version}${release === '' ? '' : `-${release}`}`
}

/** `name-[epoch:]version-release.arch` as dnf writes it. */
export function formatNevra(nevra: Nevra): string {
  return `${nevra.name}-${formatEvr(nevra)}.${nevra.arch}`
}

/** The order for people: by name, from the oldest to the newest, by architecture. Names go by code units, not by a language's rules. */
export function compareNevra(a: Nevra, b: Nevra): number {
  return compareText(a.name, b.name) || compareEvr(a, b) || compareText(a.arch, b.arch)
}

/** Text by code units: -1, 0 or 1. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
