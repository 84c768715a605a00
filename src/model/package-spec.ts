import { matchesGlob } from './glob.ts'
import { formatNevra, type Nevra } from './nevra.ts'

/**
 * Whether a package is meant by what somebody wrote, as dnf takes it: its name, with any of version, release, epoch and architecture as dnf
 * writes them, or the name of its file; `*` and `?` stand for any characters.
 */
export function isMeant(spec: string, { href, ...nevra }: Nevra & { readonly href: string }): boolean {
  const { name, epoch, version, release, arch } = nevra
  const evr = `${version}-${release}`
  const written = [
    name,
    `${name}.${arch}`,
    `${name}-${version}`,
    `${name}-${evr}`,
    `${name}-${evr}.${arch}`,
    `${name}-${epoch}:${evr}`,
    `${name}-${epoch}:${evr}.${arch}`,
    formatNevra(nevra),
    href,
    href.slice(href.lastIndexOf('/') + 1),
  ]
  return written.some((text) => matchesGlob(spec, text))
}
