import { PinyonError, toPinyonError } from '../../model/errors.ts'
import type { ExtraWishes } from '../../model/extra-files.ts'
import type { ExtraFile } from '../../model/repodata.ts'
import { parseChecksumList } from '../../repodata/checksum-list.ts'
import { parseDirectoryIndex } from '../../repodata/directory-index.ts'
import type { CaptureContext } from '../capture-record.ts'
import { readAll } from '../repomd-source.ts'

// No protocol tells what a directory upstream holds. What does, where it is there: lists of checksums, and the pages that servers make for people.

const MAX_LISTING_BYTES = 2 << 20
/** For one of them, in milliseconds. */
const LISTING_TIMEOUT_MS = 20_000
/** SUSE's media have the one at the top, others have the other beside their files. */
const CHECKSUM_LISTS = ['CHECKSUMS', 'SHA256SUMS']

/** Where files beside repomd.xml's are read. */
export interface ExtrasContext extends Pick<CaptureContext, 'upstream' | 'signal'> {
  readonly extraFiles: ExtraWishes
  /** The source that gave repomd.xml, which alone is asked. */
  readonly baseurl: string
  /** What repomd.xml names itself. */
  readonly named: ReadonlySet<string>
}

/** A list of checksums, and the files it names by their paths below the repository. */
export interface ChecksumList {
  readonly path: string
  readonly files: readonly ExtraFile[]
}

/** What a directory holds, or why that is not known. */
export type DirectoryNames = { readonly names: readonly string[] } | { readonly problem: string }

/** Listings of one source, each asked for once. */
export class Listings {
  readonly #context: ExtrasContext
  readonly #lists = new Map<string, ChecksumList | undefined>()
  readonly #directories = new Map<string, DirectoryNames>()

  constructor(context: ExtrasContext) {
    this.#context = context
  }

  /** Lists of checksums at the top of the repository and in a directory: those that are there. Throws upstream's trouble. */
  async checksums(directory: string): Promise<readonly ChecksumList[]> {
    const found: ChecksumList[] = []
    for (const at of new Set(['', directory]))
      for (const name of CHECKSUM_LISTS) {
        const list = await this.#readList(at, name)
        if (list !== undefined) found.push(list)
      }
    return found
  }

  /** The names in a directory. Throws upstream's trouble, but where nobody asked for what is looked for. */
  async names(directory: string): Promise<DirectoryNames> {
    const known = this.#directories.get(directory)
    if (known !== undefined) return known
    const read = await this.#readDirectory(directory)
    this.#directories.set(directory, read)
    return read
  }

  async #readList(at: string, name: string): Promise<ChecksumList | undefined> {
    const path = `${at}${name}`
    if (!this.#lists.has(path)) {
      const bytes = await this.#get(path)
      const files = Buffer.isBuffer(bytes) ? parseChecksumList(bytes) : []
      const placed = files.map((file) => ({ ...file, path: `${at}${file.path}` }))
      this.#lists.set(path, placed.length === 0 ? undefined : { path, files: placed })
    }
    return this.#lists.get(path)
  }

  async #readDirectory(directory: string): Promise<DirectoryNames> {
    const bytes = await this.#get(directory)
    if (!Buffer.isBuffer(bytes)) return { problem: bytes.message }
    const { pathname } = new URL(directory, this.#context.baseurl)
    const names = parseDirectoryIndex(bytes, pathname)
    return names === undefined
      ? { problem: `what ${this.#context.baseurl}${directory} shows is no index of it` }
      : { names }
  }

  /** Bytes, or why there are none. */
  async #get(path: string): Promise<Buffer | PinyonError> {
    const { upstream, signal, baseurl, extraFiles } = this.#context
    const deadline = new AbortController()
    const message = `no whole listing came within ${LISTING_TIMEOUT_MS / 1000} s from ${baseurl}${path}`
    const timer = setTimeout(
      () => deadline.abort(new PinyonError('UPSTREAM_TIMEOUT', message)),
      LISTING_TIMEOUT_MS,
    )
    try {
      const request = {
        signal: AbortSignal.any([signal, deadline.signal]),
        onlyBaseurl: baseurl,
        isOptional: true,
      }
      const name = `${baseurl}${path}`
      return await readAll(await upstream.get(path, request), MAX_LISTING_BYTES, name)
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toPinyonError(deadline.signal.aborted ? deadline.signal.reason : thrown)
      const isNone = isAbsence(error) || error.code === 'UPSTREAM_OVERSIZE' || deadline.signal.aborted
      if (isNone || (extraFiles.areUsual && error.kind.source === 'upstream')) return error
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Whether there is no such file. Object stores answer 403 for what is not there. */
export function isAbsence({ code, facts }: PinyonError): boolean {
  return code === 'UPSTREAM_GONE' || facts['status'] === 403
}
