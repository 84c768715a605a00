import { createDigest } from '../model/digest.ts'
import { normalizePackageHref } from '../model/href.ts'
import type { PinyonError } from '../model/errors.ts'
import type { PackageRecord } from '../model/repodata.ts'
import { isSourceRpm } from '../model/source-package.ts'
import { malformed, quote } from './malformed.ts'

/** What messages about primary.xml begin with. */
export const DOING = 'reading primary.xml'

/** The values of one `<package>` as primary.xml states them, decoded; undefined where it does not. */
export interface PackageFields {
  type: string | undefined
  name: string | undefined
  arch: string | undefined
  epoch: string | undefined
  version: string | undefined
  release: string | undefined
  checksumType: string | undefined
  checksum: string | undefined
  size: string | undefined
  href: string | undefined
  base: string | undefined
  source: string | undefined
}

/** Of names and versions, in characters: the longest real ones have some two hundred. Each is kept with every snapshot. */
const MAX_LENGTH = 4_096

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function refuse(fields: PackageFields, found: string): PinyonError {
  return malformed(`${DOING}, package ${quote(fields.name || fields.href || '')}`, found)
}

function required(value: string | undefined, what: string, fields: PackageFields): string {
  if (value !== undefined && value !== '') return value
  throw refuse(fields, `missing: ${what}`)
}

/** A count of bytes as written; undefined when it is not a number that can be one. */
export function parseSize(value: string | undefined): number | undefined {
  if (value === undefined || !/^[0-9]{1,16}$/.test(value)) return undefined
  const size = Number(value)
  return Number.isSafeInteger(size) ? size : undefined
}

/**
 * The record of a package, or undefined when no path can name its file, as its href climbs too far. Throws
 * REPODATA_MALFORMED, naming the package, when a value that a record needs is missing or unusable. A package without a type
 * is an rpm, as it is for createrepo_c.
 */
export function createPackageRecord(fields: PackageFields): PackageRecord | undefined {
  const name = required(fields.name, 'name', fields)
  if (fields.type !== undefined && fields.type !== 'rpm') {
    throw refuse(fields, `type other than rpm: ${quote(fields.type)}`)
  }
  const arch = required(fields.arch, 'arch', fields)
  const version = required(fields.version, 'version', fields)
  const type = required(fields.checksumType, 'checksum', fields)
  const hex = required(fields.checksum, 'checksum', fields)
  const checksum = createDigest(type, hex)
  if (checksum === undefined) {
    throw refuse(fields, `unusable checksum: ${quote(`${type}:${hex}`)}`)
  }
  const href = normalizePackageHref(required(fields.href, 'location href', fields))
  if (href === undefined) return undefined
  const { epoch, release, base } = fields
  const longest = Math.max(name.length, arch.length, version.length, epoch?.length ?? 0, release?.length ?? 0)
  if (longest > MAX_LENGTH) throw refuse(fields, `a name or version longer than ${MAX_LENGTH}: ${longest}`)
  const record: Writable<PackageRecord> = {
    href,
    checksum,
    name,
    epoch: epoch || '0',
    version,
    release: release ?? '',
    arch,
  }
  const size = parseSize(fields.size)
  if (size !== undefined) record.size = size
  if (base) record.base = base
  // Nothing depends on it: what is no such name is left out.
  if (fields.source !== undefined && isSourceRpm(fields.source)) record.source = fields.source
  return record
}
