import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { digestAlgorithm, digestHex, digestOf } from '../../src/model/digest.ts'
import type { PackageRecord, RepomdRecord } from '../../src/model/repodata.ts'
import {
  FIRST_REVISION,
  writeRepodata,
  type RepodataContent,
  type RepodataOptions,
} from './repodata-files.ts'
import { seededBytes } from './seeded-bytes.ts'

/** A package of a synthetic repository. Its file holds arbitrary bytes: repositories and proxies never look inside. */
export interface SyntheticPackage {
  readonly name: string
  readonly version?: string
  readonly release?: string
  readonly epoch?: number
  readonly arch?: string
  /** Default `Packages/<first letter>/<name>-<version>-<release>.<arch>.rpm`. */
  readonly href?: string
  /** The bytes, or how many pseudo-random ones; default 1000. Other hrefs and other sizes give other bytes. */
  readonly content?: Buffer | number
  /** The file name of its source package; default its own name, version and release. */
  readonly source?: string
  /** Names only: `['glibc']`. */
  readonly requires?: readonly string[]
}

export interface SyntheticOptions extends RepodataOptions {
  readonly packages: readonly SyntheticPackage[]
  /** Further repodata files: modules, updateinfo, group … */
  readonly records?: readonly RepodataContent[]
  /** Lists the packages without writing their files, for what upstream has lost or a test never fetches. */
  readonly withoutFiles?: boolean
}

/** A package as primary.xml states it, with the absolute path of its file. */
export interface WrittenPackage extends PackageRecord {
  readonly size: number
  readonly source: string
  readonly path: string
}

export interface SyntheticRepository {
  readonly packages: readonly WrittenPackage[]
  readonly records: readonly RepomdRecord[]
}

/**
 * Writes a repository without any tool: package files and createrepo_c's primary, filelists and other, with right checksums.
 * Writing it again with other packages publishes the next generation in place; files of packages no longer listed stay.
 */
export function writeSyntheticRepository(dir: string, options: SyntheticOptions): SyntheticRepository {
  const packages = options.packages.map((entry) => writePackage(dir, entry, options))
  const contents: RepodataContent[] = [
    {
      type: 'primary',
      content: formatPrimary(packages, options.packages, options.revision ?? FIRST_REVISION),
    },
    { type: 'filelists', content: formatList('filelists', 'filelists', packages) },
    { type: 'other', content: formatList('otherdata', 'other', packages) },
    ...(options.records ?? []),
  ]
  return { packages, records: writeRepodata(dir, contents, options) }
}

function writePackage(dir: string, entry: SyntheticPackage, options: SyntheticOptions): WrittenPackage {
  const { name, version = '1.0', release = '1', epoch = 0, arch = 'noarch', content = 1000 } = entry
  const { source = `${name}-${version}-${release}.src.rpm` } = entry
  const href =
    entry.href ?? `Packages/${name.slice(0, 1).toLowerCase()}/${name}-${version}-${release}.${arch}.rpm`
  const path = join(dir, href)
  const bytes = typeof content === 'number' ? seededBytes(`${href} ${content}`, content) : content
  if (options.withoutFiles !== true) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }
  const checksum = digestOf(bytes, options.algorithm)
  return { href, checksum, size: bytes.length, name, epoch: `${epoch}`, version, release, arch, source, path }
}

function formatPrimary(
  packages: readonly WrittenPackage[],
  specs: readonly SyntheticPackage[],
  builtAt: number,
): string {
  const elements = packages.map((entry, index) => formatPackage(entry, specs[index]?.requires ?? [], builtAt))
  const namespaces =
    'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"'
  return `${XML_HEAD}<metadata ${namespaces} packages="${packages.length}">\n${elements.join('')}</metadata>\n`
}

function formatPackage(entry: WrittenPackage, requires: readonly string[], builtAt: number): string {
  const { name, epoch, version, release, arch, size } = entry
  const needed = requires.map((other) => `      <rpm:entry name="${escapeXml(other)}"/>\n`).join('')
  return `<package type="rpm">
  <name>${escapeXml(name)}</name>
  <arch>${arch}</arch>
  ${formatVersion(entry)}
  <checksum type="${digestAlgorithm(entry.checksum)}" pkgid="YES">${digestHex(entry.checksum)}</checksum>
  <summary>Test package ${escapeXml(name)}</summary>
  <description>Test package ${escapeXml(name)}</description>
  <packager></packager>
  <url></url>
  <time file="${builtAt}" build="${builtAt}"/>
  <size package="${size}" installed="${size}" archive="${size}"/>
  <location href="${escapeXml(entry.href)}"/>
  <format>
    <rpm:license>MIT</rpm:license>
    <rpm:vendor></rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>localhost</rpm:buildhost>
    <rpm:sourcerpm>${escapeXml(entry.source)}</rpm:sourcerpm>
    <rpm:header-range start="4504" end="${Math.max(4504, size)}"/>
    <rpm:provides>
      <rpm:entry name="${escapeXml(name)}" flags="EQ" epoch="${epoch}" ver="${version}" rel="${release}"/>
    </rpm:provides>
${needed === '' ? '' : `    <rpm:requires>\n${needed}    </rpm:requires>\n`}  </format>
</package>
`
}

/** filelists.xml and other.xml differ in their root element and namespace only, as long as no package has files or changes. */
function formatList(root: string, namespace: string, packages: readonly WrittenPackage[]): string {
  const elements = packages.map(
    (entry) =>
      `<package pkgid="${digestHex(entry.checksum)}" name="${escapeXml(entry.name)}" arch="${entry.arch}">\n` +
      `  ${formatVersion(entry)}\n</package>\n`,
  )
  const open = `<${root} xmlns="http://linux.duke.edu/metadata/${namespace}" packages="${packages.length}">`
  return `${XML_HEAD}${open}\n${elements.join('')}</${root}>\n`
}

const XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'

function formatVersion({ epoch, version, release }: PackageRecord): string {
  return `<version epoch="${epoch}" ver="${escapeXml(version)}" rel="${escapeXml(release)}"/>`
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`)
}
