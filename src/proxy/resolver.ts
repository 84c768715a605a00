import { LRUCache } from 'lru-cache'

import { withoutArch } from '../model/arch.ts'
import { PinyonError } from '../model/errors.ts'
import { SNAPSHOT_NAME } from '../model/snapshot-name.ts'
import { baseEnd, hrefsAt, placeOf } from '../model/snapshot-path.ts'
import type { Index, Snapshot, SnapshotFile, SnapshotHistory, SnapshotReader } from '../snapshot/store.ts'
import type { ViewStore } from '../snapshot/views/views.ts'
import { NO_OPTIONS } from '../system/no-options.ts'
import { Directories } from './directories.ts'
import { indexFormatOf } from './index-formats.ts'
import { IndexReplies } from './index-replies.ts'
import { formatListing } from './listing.ts'
import { MissingMirrors } from './missing-mirrors.ts'
import { formatMirrorRepo, KEY_FILE, MIRROR_REPO, servedKeysOf, type ClientSettings } from './mirror-repo.ts'
import { indexOfGeneration, indexOfMoment, snapshotOfMoment } from './past.ts'
import { createFileReply, createTextReply, type FileReply, type Reply, type TextReply } from './reply.ts'
import { isIndexTarget, RollingReplies, type RollingReply } from './rolling-replies.ts'
import { findFile, findRollingFile } from './snapshot-files.ts'
import { parseRequestTarget, type RequestPath } from './request-target.ts'
import { answerView, parseViewPath, type ViewTarget } from './views.ts'

/** Memory for request targets of immutable files: some 25,000 of them. */
const REMEMBERED_TARGET_BYTES = 16 << 20
/** What remembering one costs beside its text. */
const TARGET_OVERHEAD_BYTES = 600

const MIRRORS = '/repos/yum/'

/** What targets are resolved by. */
export type ResolverStore = SnapshotReader & { readonly history: SnapshotHistory; readonly views: ViewStore }

/** A target that names something of a mirror. */
interface Asked {
  readonly target: string
  readonly path: RequestPath
  readonly base: () => string
}

/** From a request target below `/repos` to what it names. Knows no sockets and no upstream. */
export class Resolver {
  readonly #snapshots: ResolverStore
  readonly #directories: Directories
  readonly #missing: MissingMirrors
  readonly #files = new LRUCache<string, FileReply>({
    maxSize: REMEMBERED_TARGET_BYTES,
    sizeCalculation: (_, target) => target.length + TARGET_OVERHEAD_BYTES,
  })
  readonly #rolling: RollingReplies
  readonly #indexes = new IndexReplies()
  readonly #clientSettings: (mirror: string) => ClientSettings

  /** @param clientSettings what the running configuration says of a mirror to clients */
  constructor(snapshots: ResolverStore, clientSettings: (mirror: string) => ClientSettings) {
    this.#snapshots = snapshots
    this.#clientSettings = clientSettings
    this.#directories = new Directories(snapshots)
    this.#missing = new MissingMirrors(snapshots)
    this.#rolling = new RollingReplies(() => snapshots.generation())
  }

  /**
   * What was answered to exactly this target before, and would be now: no await. A snapshot's file cannot have changed; the index, and what is
   * current, have not while the generation is the same.
   * @param base what index URLs begin with; without it no index is found
   * @param isJustRead as {@link RollingReplies.peek} has it
   */
  peek(target: string, base?: string, isJustRead = false): RollingReply | undefined {
    return this.#files.get(target, NO_OPTIONS) ?? this.#rolling.peek(target, base, isJustRead)
  }

  /** What another process may answer to a target, and the generation that it holds at, which is undefined for what never changes. Throws as {@link resolve}. */
  async learn(
    target: string,
    base: string | undefined,
  ): Promise<{ readonly reply: RollingReply; readonly generation: number | undefined } | undefined> {
    if (this.peek(target, base) === undefined) await this.resolve(target, () => base ?? '', 'nobody')
    const file = this.#files.get(target)
    return file === undefined ? this.#rolling.last(target, base) : { reply: file, generation: undefined }
  }

  /**
   * The file that a target below a mirror names, or why it names nothing, looked up anew each time: what is not there may be at any moment, of
   * the same generation as well. Undefined for what names something else, or of which more is to be said; and at once for what is not below a
   * mirror.
   */
  lookUp(target: string): Promise<FileReply | PinyonError | undefined> | undefined {
    if (!target.startsWith(MIRRORS) || isIndexTarget(target)) return undefined
    return this.resolve(target, () => '', 'nobody').then(
      (reply) => (reply.kind === 'file' ? reply : undefined),
      (error: unknown) => (error instanceof PinyonError && error.code === 'NOT_FOUND' ? error : undefined),
    )
  }

  /** Forgets what was asked for, as snapshots are gone: finding theirs takes longer than looking the others up once more. */
  forget(): void {
    this.#files.clear()
    this.#rolling.forget()
  }

  /** Forgets which mirrors there are, as another configuration is in force: what it adds is not missing, and what it removes is. */
  forgetMirrors(): void {
    this.#missing.forget()
  }

  /**
   * What a target names.
   * @param base gives what index URLs begin with; asked only for what has such URLs in it
   * @param client the address of who asks
   * @throws PinyonError PATH_REFUSED, NOT_FOUND, DEFECTIVE_FILE, VIEWS_FULL
   */
  async resolve(target: string, base: () => string, client: string): Promise<Reply> {
    const path = parseRequestTarget(target)
    const [repos, area, mirror, ...rest] = path.segments
    if (repos !== 'repos') throw notFound(path)
    if (area === undefined) return this.#directory(path, '/repos', [{ name: 'yum' }])
    if (area === 'generations' || area === 'at') return await this.#past(path, base)
    const view = parseViewPath(path.segments)
    if (view !== undefined) return await this.#view(target, view, { base: base(), client })
    if (area !== 'yum') throw notFound(path)
    if (mirror === undefined) return await this.#listMirrors(path)
    const format = rest.length === 0 ? indexFormatOf(mirror) : undefined
    if (format !== undefined) {
      const index = await this.#snapshots.index()
      const reply = this.#indexes.reply(index, format, base())
      // As it is written here only: by any other name it would be found whatever URLs are to begin with.
      return isIndexTarget(target) ? this.#remember(target, reply, index, base()) : reply
    }
    return await this.#resolveInMirror({ target, path, base }, mirror, rest)
  }

  async #resolveInMirror(
    { target, path, base }: Asked,
    mirror: string,
    [view, ...rest]: string[],
  ): Promise<Reply> {
    if (view === undefined) return await this.#listSnapshots(path, mirror)
    if (view === 'latest.txt' && rest.length === 0) {
      const index = await this.#snapshots.index()
      const current = await this.#current(index, mirror)
      const reply = createTextReply('text/plain; charset=utf-8', `${current.name}\n`, current)
      return this.#remember(target, reply, index)
    }
    if (view === KEY_FILE && rest.length === 0) {
      const keys = servedKeysOf(mirror, this.#clientSettings(mirror))
      return createTextReply('application/pgp-keys', keys)
    }
    if (view === 'at') return await this.#redirectToMoment(path, mirror, rest)
    const href = rest.join('/')
    if (view === 'latest' || view === 'base') {
      const index = await this.#snapshots.index()
      const current = await this.#begin(index, mirror, view)
      // Ours whatever the repository lists: it says by which keys clients check what is upstream's.
      if (view === 'latest' && isMirrorRepo(path, current, href))
        return this.#mirrorRepo(current, view, base())
      const found = path.directory ? undefined : await findRollingFile(this.#snapshots, current, href)
      if (found !== undefined) {
        const reply = toFileReply(path, found.snapshot, found.file, false)
        // What other snapshots say may change, as they come and go, within a generation.
        const isCurrent = found.snapshot.id === index.current.get(mirror)?.id
        return isCurrent ? this.#remember(target, reply, index) : reply
      }
      return await this.#listDirectory(path, current, href)
    }
    const snapshot = SNAPSHOT_NAME.test(view) ? await this.#snapshots.snapshot(mirror, view) : undefined
    if (snapshot === undefined) throw await this.#missing.snapshot(mirror, view)
    if (isMirrorRepo(path, snapshot, href)) return this.#mirrorRepo(snapshot, view, base())
    const file = path.directory ? undefined : await findFile(this.#snapshots, snapshot, href)
    if (file === undefined) return await this.#listDirectory(path, snapshot, href)
    const reply = toFileReply(path, snapshot, file, true)
    this.#files.set(target, reply)
    return reply
  }

  /** Made of what the configuration says now: nothing of the snapshot's. */
  #mirrorRepo(snapshot: Snapshot, view: string, base: string): Reply {
    const { mirror } = snapshot
    const settings = this.#clientSettings(mirror)
    const section = formatMirrorRepo({ mirror, view, layout: snapshot, base, settings })
    return createTextReply('text/plain; charset=utf-8', section, snapshot)
  }

  async #redirectToMoment(path: RequestPath, mirror: string, [time, ...rest]: string[]): Promise<Reply> {
    if (time === undefined) throw notFound(path)
    const snapshot = await snapshotOfMoment(this.#snapshots.history, mirror, time)
    // Clients resolve what climbs against the URL that they were told, so that is where the segments for it have to be: these are for people.
    const root = rootOf(snapshot, rest)
    const target = ['repos', 'yum', mirror, snapshot.name].map(encodeURIComponent).join('/')
    const end = root ?? rest.map((segment) => `/${encodeURIComponent(segment)}`).join('')
    return { kind: 'redirect', location: `/${target}${end}${path.directory ? '/' : ''}` }
  }

  #remember<Reply extends FileReply | TextReply>(
    target: string,
    reply: Reply,
    { generation }: Index,
    base?: string,
  ): Reply {
    this.#rolling.remember(target, base, { generation, reply })
    return reply
  }

  async #current(index: Index, mirror: string): Promise<Snapshot> {
    const current = index.current.get(mirror)
    if (current === undefined) throw await this.#missing.mirror(mirror)
    return current
  }

  /**
   * What a rolling view begins with. `base` goes on while a mirror is out of the index: packages of snapshots that createrepo made are
   * asked for there, whichever snapshot lists them.
   */
  async #begin(index: Index, mirror: string, view: 'latest' | 'base'): Promise<Snapshot> {
    const isCurrent = view === 'latest' || index.current.has(mirror)
    const newest = isCurrent ? undefined : await this.#snapshots.newest(mirror)
    return newest ?? (await this.#current(index, mirror))
  }

  /** `generations/<n>/all_latest.<format>`, which never changes, and `at/<time>/all_latest.<format>`. */
  async #past(path: RequestPath, base: () => string): Promise<Reply> {
    const [, area, which, file, ...rest] = path.segments
    const format = rest.length === 0 && file !== undefined ? indexFormatOf(file) : undefined
    if (which === undefined || format === undefined) throw notFound(path)
    const { history } = this.#snapshots
    if (area === 'at') return this.#indexes.reply(await indexOfMoment(history, which), format, base())
    const index = await indexOfGeneration(history, which)
    return { ...this.#indexes.reply(index, format, base()), immutable: true }
  }

  async #view(target: string, view: ViewTarget, asked: { base: string; client: string }): Promise<Reply> {
    const { views, history } = this.#snapshots
    return await answerView({ views, history, replies: this.#indexes }, view, { target, ...asked })
  }

  async #listMirrors(path: RequestPath): Promise<Reply> {
    const { current } = await this.#snapshots.index()
    const indexes = ['json', 'yaml', 'py', 'html'].map((format) => ({
      name: `all_latest.${format}`,
      file: true,
    }))
    return this.#directory(path, '/repos/yum', [...[...current.keys()].map((name) => ({ name })), ...indexes])
  }

  async #listSnapshots(path: RequestPath, mirror: string): Promise<Reply> {
    const snapshots = await this.#snapshots.snapshots(mirror)
    if (snapshots.length === 0) throw await this.#missing.mirror(mirror)
    const { current } = await this.#snapshots.index()
    const rolling = current.has(mirror) ? [{ name: 'latest' }, { name: 'latest.txt', file: true }] : []
    return this.#directory(path, `/repos/yum/${mirror}`, [
      ...snapshots.map(({ name }) => ({ name })),
      ...rolling,
    ])
  }

  async #listDirectory(path: RequestPath, snapshot: Snapshot, href: string): Promise<Reply> {
    // Also without the segments that stand for what is above the repository's root.
    const places = [href, placeOf(href, snapshot)]
    for (const place of new Set(places)) {
      if (!(await this.#directories.has(snapshot, place))) continue
      if (!path.directory) return redirectToDirectory(path)
      return await this.#directories.listing(snapshot, place, `/${path.segments.join('/')}/`)
    }
    const { name, mirror, arches } = snapshot
    // For who asks without, or has not replaced $basearch.
    const which = arches === undefined ? '' : `, which has ${arches.join(', ')} each below its own name,`
    throw notFound(path, `snapshot ${name} of ${mirror}${which} does not list: ${href}`)
  }

  #directory(path: RequestPath, title: string, names: readonly { name: string; file?: boolean }[]): Reply {
    if (!path.directory) return redirectToDirectory(path)
    const entries = names.map(({ name, file }) => ({ name, directory: file !== true, size: undefined }))
    return createTextReply('text/html; charset=utf-8', formatListing(`${title}/`, entries))
  }
}

/** What a snapshot's base URL ends in where these segments name a repository as a whole: with its architecture, where it has several. */
function rootOf(snapshot: Snapshot, rest: readonly string[]): string | undefined {
  const [arch, ...others] = rest
  if (snapshot.arches === undefined) return arch === undefined ? baseEnd(snapshot) : undefined
  const isRoot = arch !== undefined && others.length === 0 && snapshot.arches.includes(arch)
  return isRoot ? baseEnd(snapshot).replaceAll('$basearch', arch) : undefined
}

function toFileReply(
  path: RequestPath,
  snapshot: Snapshot,
  file: SnapshotFile,
  immutable: boolean,
): FileReply {
  const { digest } = file
  if (digest === undefined)
    throw new PinyonError('DEFECTIVE_FILE', `upstream never had this file right: ${path.segments.join('/')}`)
  return createFileReply(snapshot, { ...file, digest }, immutable)
}

/** Directories end in a slash, so that the relative links of their listings work. */
function redirectToDirectory(path: RequestPath): Reply {
  return { kind: 'redirect', location: `/${path.segments.map(encodeURIComponent).join('/')}/` }
}

function notFound(path: RequestPath, why?: string): PinyonError {
  return new PinyonError('NOT_FOUND', why ?? `there is nothing at: /${path.segments.join('/')}`)
}

/** Of several architectures also below each: base URLs end there. */
function isMirrorRepo(path: RequestPath, snapshot: Snapshot, href: string): boolean {
  if (path.directory) return false
  const names = hrefsAt(href, snapshot).map((one) => withoutArch(one, snapshot.arches))
  return names.includes(MIRROR_REPO)
}
