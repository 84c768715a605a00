import { digestAlgorithm, digestHex, type Digest } from './digest.ts'
import type { Nevra } from './nevra.ts'

/** What a URL template may hold in braces: facts of a package as its repository lists them. */
export const TEMPLATE_FIELDS = [
  'href',
  'filename',
  'name',
  'initial',
  'epoch',
  'version',
  'release',
  'arch',
  'algorithm',
  'digest',
] as const
export type TemplateField = (typeof TEMPLATE_FIELDS)[number]

/** A package, as far as it says where an archive has it. */
export interface ArchivedPackage extends Nevra {
  readonly href: string
  readonly digest: Digest
}

const FIELD = /\{([^{}]*)\}/g

/** Whether a URL has anything in braces, or any brace at all: a URL proper has none. */
export function isTemplate(url: string): boolean {
  return /[{}]/.test(url)
}

/** What a template has in braces, known or not, in its order. */
export function templateFields(template: string): string[] {
  return [...template.matchAll(FIELD)].map(([, field = '']) => field)
}

/** A template with its fields replaced. */
export function fillTemplate(template: string, valueOf: (field: TemplateField) => string): string {
  return template.replace(FIELD, (_, field: TemplateField) => valueOf(field))
}

/** The value of each field. `initial` is the first letter of the name, as directories are named by it; `digest` is in hexadecimal. */
export function templateValues({
  href,
  digest,
  ...nevra
}: ArchivedPackage): Readonly<Record<TemplateField, string>> {
  const { name, epoch, version, release, arch } = nevra
  return {
    href,
    filename: href.slice(href.lastIndexOf('/') + 1),
    name,
    initial: name.charAt(0).toLowerCase(),
    epoch,
    version,
    release,
    arch,
    algorithm: digestAlgorithm(digest),
    digest: digestHex(digest),
  }
}
