import { toPinyonError } from '../../model/errors.ts'
import { isFilePattern, parseFilePattern, type FilePattern } from '../../model/file-pattern.ts'
import type { ExtraFile } from '../../model/repodata.ts'
import { parseTreeinfo } from '../../repodata/treeinfo.ts'
import { readAll } from '../repomd-source.ts'
import type { Defect } from '../store.ts'
import { isAbsence, Listings, type ExtrasContext } from './listings.ts'

/** Of a file without a checksum, which is held in memory, and of all of a snapshot's. */
const MAX_EXTRA_BYTES = 8 << 20
const MAX_TOTAL_BYTES = 64 << 20
/** Files that patterns of one mirror stand for: a directory of thousands is another repository. */
const MAX_MATCHES = 256

const TREEINFO = /(?:^|\/)\.?treeinfo$/

/** What was found beside those that were read. */
export interface FoundExtras {
  /** Those whose checksum is told, by a .treeinfo that was read or a list of checksums. */
  readonly listed: readonly ExtraFile[]
  /** What was asked for by name and could not be pinned though it may be there. */
  readonly defects: readonly Defect[]
}

/**
 * Reads the wanted files of a source, one at a time, and hands each over; what it has not got is passed over.
 * @throws PinyonError upstream's trouble, but for what nobody asked for
 */
export async function readExtras(
  context: ExtrasContext,
  keep: (path: string, bytes: Buffer) => Promise<void>,
): Promise<FoundExtras> {
  const reading = new ExtraReading(context, keep)
  const { paths } = context.extraFiles
  for (const path of paths) if (!isFilePattern(path)) await reading.read(path)
  for (const path of paths) {
    const pattern = isFilePattern(path) ? parseFilePattern(path) : undefined
    if (pattern !== undefined) await reading.readMatches(path, pattern)
  }
  return reading
}

class ExtraReading implements FoundExtras {
  readonly listed: ExtraFile[] = []
  readonly defects: Defect[] = []
  readonly #context: ExtrasContext
  readonly #keep: (path: string, bytes: Buffer) => Promise<void>
  readonly #listings: Listings
  readonly #done: Set<string>
  #bytes = 0
  #matches = 0

  constructor(context: ExtrasContext, keep: (path: string, bytes: Buffer) => Promise<void>) {
    this.#context = context
    this.#keep = keep
    this.#listings = new Listings(context)
    this.#done = new Set(context.named)
  }

  async read(path: string): Promise<void> {
    if (this.#done.has(path)) return
    this.#done.add(path)
    const bytes = await this.#get(path)
    if (bytes === undefined || isPage(path, bytes)) return
    await this.#keep(path, bytes)
    if (TREEINFO.test(path)) this.#list(parseTreeinfo(bytes), path)
  }

  /** Reads the files that a pattern stands for: those that are listed with a checksum need not be read. */
  async readMatches(path: string, pattern: FilePattern): Promise<void> {
    const { areUsual } = this.#context.extraFiles
    const isMeant = (one: string) => matches(pattern, one) && !this.#context.named.has(one)
    // What nobody asked for is not worth more than one request.
    for (const list of areUsual ? [] : await this.#listings.checksums(pattern.directory))
      this.#list(
        list.files.filter((file) => isMeant(file.path)),
        list.path,
      )
    const isListed = this.listed.some((file) => isMeant(file.path))
    const index = await this.#listings.names(pattern.directory)
    if ('problem' in index) {
      if (!isListed) this.#tell(path, `it cannot be told which files it stands for: ${index.problem}`)
      return
    }
    const listed = new Set(this.listed.map((file) => file.path))
    const found = index.names
      .map((name) => `${pattern.directory}${name}`)
      .filter((one) => isMeant(one) && !listed.has(one) && !this.#done.has(one))
    this.#matches += found.length
    if (this.#matches > MAX_MATCHES)
      return this.#tell(path, `patterns stand for more than ${MAX_MATCHES} files, so it pins none`)
    for (const one of found) await this.read(one)
  }

  #list(files: readonly ExtraFile[], statedBy: string): void {
    for (const file of files) this.listed.push({ ...file, statedBy })
  }

  async #get(path: string): Promise<Buffer | undefined> {
    const { upstream, signal, baseurl, extraFiles } = this.#context
    try {
      const request = { signal, onlyBaseurl: baseurl, isOptional: extraFiles.areUsual }
      const limit = Math.min(MAX_EXTRA_BYTES, MAX_TOTAL_BYTES - this.#bytes)
      const bytes = await readAll(await upstream.get(path, request), limit, path)
      this.#bytes += bytes.length
      return bytes
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toPinyonError(thrown)
      if (isAbsence(error)) return undefined
      if (error.code === 'UPSTREAM_OVERSIZE') return this.#tell(path, `it is not pinned: ${error.message}`)
      if (extraFiles.areUsual && error.kind.source === 'upstream') return undefined
      throw error
    }
  }

  #tell(path: string, message: string): undefined {
    if (!this.#context.extraFiles.areUsual) this.defects.push({ path, kind: 'extra', message })
  }
}

/** Packages are what primary lists. */
function matches({ directory, fits }: FilePattern, path: string): boolean {
  if (!path.startsWith(directory) || /\.d?rpm$/.test(path)) return false
  const name = path.slice(directory.length)
  return !name.includes('/') && fits(name)
}

/** Whether a web page came in the place of a file: some servers answer so for what they have not got. */
function isPage(path: string, bytes: Buffer): boolean {
  // Latin-1: a byte order mark is three characters.
  const head = bytes.toString('latin1', 0, 512)
  return (
    /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html)/i.test(head) && !/\.html?$/.test(path)
  )
}
