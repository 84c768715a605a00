import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** What yum 3 looks at when it loads a repository's metadata. */
export interface Yum3Load {
  /** The repository's own: `<cachedir>/<id>`, created as needed. */
  readonly cacheDir: string
  /** yum.conf and the .repo file: when they were changed last counts. */
  readonly configFiles: readonly string[]
  /** Gets repomd.xml from the repository's baseurl; undefined, or what is none, when that fails. */
  readonly fetch: () => Buffer | undefined
  /** Seconds since the epoch. */
  readonly now: number
  /** Seconds; -1 for `never`. */
  readonly metadataExpire?: number
}

/** How a load ended. */
export interface Yum3Loaded {
  /** The repomd.xml that yum goes on with. */
  readonly repomd: Buffer
  /** Why that is not, or not just now, what the repository has. */
  readonly why: 'fetched' | 'cached' | 'older was ignored' | 'failed, so kept'
}

/** `metadata_expire` of yum 3: six hours. */
const EXPIRE_SECONDS = 6 * 3600

/**
 * Loads repomd.xml as yum 3.4.3 does (yum/yumRepo.py: metadataCurrent, withinCacheAge, _commonLoadRepoXML, _saveOldRepoXML,
 * _groupCheckDataMDNewer, _revertOldRepoXML), for a repository with a baseurl alone: the cache is of the repository's id, so that another
 * baseurl meets what the one before has left.
 *
 * @throws Error when there is neither a repomd.xml to be had nor an old one
 */
export function loadAsYum3(load: Yum3Load): Yum3Loaded {
  const { cacheDir, now } = load
  mkdirSync(cacheDir, { recursive: true })
  const local = join(cacheDir, 'repomd.xml')
  const cookie = join(cacheDir, 'cachecookie')
  if (isCurrent(cookie, load) && existsSync(local)) return { repomd: readFileSync(local), why: 'cached' }

  // An old one counts only if it can be read.
  const saved = `${local}.old.tmp`
  const old = existsSync(local) ? readTimestamp(readFileSync(local)) : undefined
  if (old !== undefined) copyFileSync(local, saved)
  const revert = (why: Yum3Loaded['why']): Yum3Loaded => {
    if (old === undefined) throw new Error(`no repomd.xml: ${why}`)
    renameSync(saved, local)
    return { repomd: readFileSync(local), why }
  }
  const bytes = load.fetch()
  const timestamp = bytes === undefined ? undefined : readTimestamp(bytes)
  if (bytes === undefined || timestamp === undefined) return revert('failed, so kept')
  writeFileSync(local, bytes)
  writeFileSync(cookie, '')
  utimesSync(cookie, now, now)
  if (old !== undefined && old > timestamp) return revert('older was ignored')
  rmSync(saved, { force: true })
  return { repomd: bytes, why: 'fetched' }
}

/** The cookie vouches for the cache while it is young, unless a configuration file is younger. */
function isCurrent(cookie: string, { configFiles, now, metadataExpire = EXPIRE_SECONDS }: Yum3Load): boolean {
  if (!existsSync(cookie)) return false
  if (metadataExpire === -1) return true
  const seconds = Math.floor(statSync(cookie).mtimeMs / 1000)
  const configured = configFiles.map((file) => Math.floor(statSync(file).mtimeMs / 1000))
  return seconds + metadataExpire > now && seconds >= Math.max(...configured)
}

/** The latest timestamp of its records that is a whole number; undefined for what is no repomd.xml. */
function readTimestamp(repomd: Buffer): number | undefined {
  const text = repomd.toString()
  if (!/<repomd[\s>][^]*<\/repomd>\s*$/.test(text)) return undefined
  const timestamps = Array.from(text.matchAll(/<timestamp>\s*(\d+)\s*<\/timestamp>/g), ([, digits]) =>
    Number(digits),
  )
  return Math.max(0, ...timestamps)
}
