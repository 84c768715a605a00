import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import {
  digestAlgorithm,
  digestHex,
  digestOf,
  type Digest,
  type DigestAlgorithm,
} from '../../src/model/digest.ts'
import type { RepomdRecord } from '../../src/model/repodata.ts'

export type Compression = 'gz' | 'zst' | 'none'

/** A repodata file to be written: its `<data>` type, its name without hash or compression suffix, and what it holds. */
export interface RepodataContent {
  readonly type: string
  /** `modules.yaml`; default `<type>.xml`. */
  readonly fileName?: string
  readonly content: string | Buffer
  /** Default: that of the repository. */
  readonly compress?: Compression
}

export interface RepodataOptions {
  /** `<revision>` and, as seconds since the epoch, the modification time of all files. Default 1577836800. */
  readonly revision?: number
  readonly compress?: Compression
  readonly algorithm?: DigestAlgorithm
  /** Names without the checksum, as createrepo's --simple-md-filenames: the next generation reuses them. */
  readonly simpleNames?: boolean
}

/** 2020-01-01 00:00:00 UTC, in seconds. */
export const FIRST_REVISION = 1_577_836_800

/** Compresses in memory; `none` gives the bytes back. */
export function compressBytes(bytes: Buffer, compression: Compression): Buffer {
  if (compression === 'none') return bytes
  return compression === 'gz' ? gzipSync(bytes) : zstdCompressSync(bytes)
}

/** Replaces `dir`/repodata by these files and a repomd.xml that names them, which is written last. Equal input gives equal bytes. */
export function writeRepodata(
  dir: string,
  contents: readonly RepodataContent[],
  options: RepodataOptions = {},
): RepomdRecord[] {
  const revision = options.revision ?? FIRST_REVISION
  rmSync(join(dir, 'repodata'), { recursive: true, force: true })
  mkdirSync(join(dir, 'repodata'), { recursive: true })
  const records = contents.map((content) => writeRecord(dir, content, options))
  const elements = records.map((record) => formatRecord(record, revision)).join('')
  const repomd =
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">\n' +
    `  <revision>${revision}</revision>\n${elements}</repomd>\n`
  writeFileSync(join(dir, 'repodata/repomd.xml'), repomd)
  for (const href of [...records.map((record) => record.href), 'repodata/repomd.xml']) {
    utimesSync(join(dir, href), revision, revision)
  }
  return records
}

function writeRecord(dir: string, record: RepodataContent, options: RepodataOptions): RepomdRecord {
  const algorithm = options.algorithm ?? 'sha256'
  const compression = record.compress ?? options.compress ?? 'gz'
  const content = Buffer.from(record.content)
  const bytes = compressBytes(content, compression)
  const checksum = digestOf(bytes, algorithm)
  const suffix = compression === 'none' ? '' : `.${compression}`
  const prefix = options.simpleNames === true ? '' : `${digestHex(checksum)}-`
  const href = `repodata/${prefix}${record.fileName ?? `${record.type}.xml`}${suffix}`
  writeFileSync(join(dir, href), bytes)
  const open =
    compression === 'none' ? {} : { openChecksum: digestOf(content, algorithm), openSize: content.length }
  return { type: record.type, href, checksum, size: bytes.length, ...open }
}

function formatRecord(record: RepomdRecord, timestamp: number): string {
  const { openChecksum, openSize } = record
  const lines = [
    `<checksum ${formatDigest(record.checksum)}</checksum>`,
    ...(openChecksum === undefined ? [] : [`<open-checksum ${formatDigest(openChecksum)}</open-checksum>`]),
    `<location href="${record.href}"/>`,
    `<timestamp>${timestamp}</timestamp>`,
    `<size>${record.size}</size>`,
    ...(openSize === undefined ? [] : [`<open-size>${openSize}</open-size>`]),
  ]
  return `  <data type="${record.type}">\n${lines.map((line) => `    ${line}\n`).join('')}  </data>\n`
}

function formatDigest(digest: Digest): string {
  return `type="${digestAlgorithm(digest)}">${digestHex(digest)}`
}
