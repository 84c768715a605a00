import { splitArch, withoutArch } from '../model/arch.ts'
import { PinyonError, toPinyonError } from '../model/errors.ts'
import { formatNevra } from '../model/nevra.ts'
import type { Outcome } from '../model/outcome.ts'
import type { SourceReport } from '../upstream/upstream.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { createJsonReply, toIso } from './api-reply.ts'
import { toDepartureView, type DepartureView } from './api-departed.ts'
import { toSignatureView, toSignatureViews, type SignatureView } from './api-signatures.ts'
import { toDetailsView, type ClientUsageView } from './api-usage.ts'
import type { BlobPlace } from './path-sources.ts'
import type { FileReply } from './reply.ts'
import { findSegments, parseRequestTarget } from './request-target.ts'
import { parseViewPath } from './views.ts'

/** Why a path is answered as it is. */
export interface WhyView {
  /** As it was asked about, without its host and query. */
  readonly path: string
  /** What a GET of it gets now, but for trouble that only fetching finds: 200, 302, 400, 404, 502. */
  readonly status: number
  /** Of an error, one included that a redirect leads to: what `X-Cache` says, its code and why. */
  readonly outcome: Outcome | null
  readonly code: string | null
  readonly reason: string | null
  readonly kind: 'package' | 'repodata' | 'extra' | 'view' | 'text' | 'redirect' | 'none'
  /** Where a redirect leads to; the rest tells of that. */
  readonly redirects: readonly string[]
  /** Of a view's index: the generation it stands for; null while nobody has frozen it. */
  readonly view: {
    readonly name: string
    readonly generation: number | null
    readonly ends_at: string | null
  } | null
  readonly mirror: string | null
  readonly snapshot: string | null
  readonly file: WhyFile | null
  readonly asked: WhyAsked | null
}

/** A file of a snapshot, where its bytes are, and where they are looked for. */
export interface WhyFile {
  /** Below the repository. */
  readonly href: string
  /** Of a snapshot of several architectures: whose repository that is; else null. */
  readonly arch: string | null
  readonly nevra: string | null
  readonly digest: string
  readonly bytes: number | null
  /**
   * Who states the digest that bytes are held against: `primary`, `repomd.xml`, a `list` of files beside the packages; or nobody but the `sync` that
   * captured it, of repomd.xml itself and of what nothing lists.
   */
  readonly stated_by: 'primary' | 'repomd.xml' | 'list' | 'sync'
  /** The path of that list below the repository; null for others, and where it was not noted. */
  readonly stated_in: string | null
  /** Who signed the snapshot's repomd.xml, on which all of it rests but what the sync captured beside it. */
  readonly signature: SignatureView
  readonly stored: {
    readonly state: BlobPlace['state']
    readonly bytes: number | null
    readonly used_at: string | null
  }
  /** Of a package that upstream has dropped. */
  readonly departed: DepartureView | null
  /** In the order in which they are asked. */
  readonly sources: readonly WhySource[]
}

/** A source, and what it was like last. */
export interface WhySource {
  /** Without credentials; of a fallback it may be a template. */
  readonly baseurl: string
  readonly fallback: boolean
  readonly state: SourceReport['state']
  readonly failures: number
  readonly retry_in_ms: number
  readonly error: string | null
}

/** Who asked last for anything of the snapshot, and of the mirror. */
export interface WhyAsked {
  readonly snapshot_last_seen: string | null
  readonly snapshot_requests: number
  /** Of the mirror, seen last first. */
  readonly clients: readonly Pick<ClientUsageView, 'client' | 'agent' | 'last_seen'>[]
}

/** As many redirects as are followed, and clients as are named. */
const MAX_REDIRECTS = 3
const MAX_CLIENTS = 5
const NO_ERROR = { outcome: null, code: null, reason: null } as const
const NOTHING = { redirects: [], view: null, mirror: null, snapshot: null, file: null, asked: null } as const

/** Answers `why?path=`: a path, or a whole URL of this server. */
export async function answerWhy(context: ApiContext, { rest, query }: ApiRequest) {
  if (rest.length > 0) return undefined
  const path = query.get('path')
  if (path === null || path === '')
    throw new PinyonError(
      'PATH_REFUSED',
      'expected a path to explain, as in: why?path=/repos/yum/all_latest.json',
    )
  return createJsonReply(await explain(context, path))
}

async function explain(context: ApiContext, asked: string): Promise<WhyView> {
  const target = asked.replace(/[?#].*$/s, '').replace(/^https?:\/\/[^/]*/i, '')
  const path = target === '' ? '/' : target
  try {
    const view = await explainView(context, path)
    return view ?? (await explainTarget(context, path))
  } catch (error) {
    const { code, message, kind } = toPinyonError(error)
    // Trouble of our own is no answer to the question.
    if (kind.status >= 500 && code !== 'DEFECTIVE_FILE') throw error
    const said = { status: kind.status, outcome: kind.outcome, code, reason: message }
    return { ...NOTHING, ...said, path, kind: 'none', ...placeOf(path) }
  }
}

/** The mirror and the snapshot that a path names, whether or not there are such. */
function placeOf(path: string): { readonly mirror: string | null; readonly snapshot: string | null } {
  const [repos, area, mirror = null, snapshot = null] = findSegments(path) ?? []
  return repos === 'repos' && area === 'yum' ? { mirror, snapshot } : { mirror: null, snapshot: null }
}

/** A view is only looked at: asking about it neither freezes nor keeps it. */
async function explainView({ snapshots }: ApiContext, path: string): Promise<WhyView | undefined> {
  const target = parseViewPath(parseRequestTarget(path).segments)
  if (target === undefined) return undefined
  const found = await snapshots.views.find(target.name)
  const view = { name: target.name, generation: found?.generation ?? null, ends_at: toIso(found?.endsAt) }
  return { ...NOTHING, ...NO_ERROR, path, status: 200, kind: 'view', view }
}

async function explainTarget(context: ApiContext, path: string): Promise<WhyView> {
  const redirects: string[] = []
  let reply = await context.paths.resolve(path)
  while (reply.kind === 'redirect' && redirects.length < MAX_REDIRECTS) {
    redirects.push(reply.location)
    // A redirect to nothing is still a redirect; what it leads to says why.
    reply = await context.paths.resolve(reply.location)
  }
  const status = redirects.length > 0 ? 302 : 200
  const facts = { ...NOTHING, ...NO_ERROR, path, status, redirects }
  if (reply.kind !== 'file') {
    const { mirror = null, name: snapshot = null } = ('snapshot' in reply && reply.snapshot) || {}
    return { ...facts, kind: reply.kind, mirror, snapshot }
  }
  const { mirror, name: snapshot } = reply.snapshot
  const [file, asked] = [await describeFile(context, reply), await describeAsked(context, reply)]
  const found = { ...facts, kind: reply.fileKind, mirror, snapshot, file, asked }
  const refusal = await context.paths.refusalOf(reply)
  if (refusal === undefined) return found
  const { code, message: reason, kind } = refusal
  return {
    ...found,
    status: redirects.length > 0 ? status : kind.status,
    outcome: kind.outcome,
    code,
    reason,
  }
}

async function describeFile({ snapshots, paths, sourcesOf }: ApiContext, file: FileReply): Promise<WhyFile> {
  const { digest, size, path, snapshot, fileKind } = file
  const href = withoutArch(path, snapshot.arches)
  const isPackage = fileKind === 'package'
  const ownArch = snapshot.arches && splitArch(path, snapshot.arches)?.arch
  const listed = isPackage ? await snapshots.departed.find(snapshot, path) : undefined
  const { state, bytes, usedAt } = await paths.placeOf(digest, size)
  // What is for no architecture may be with any of them.
  const isAsked = ({ arch }: SourceReport) =>
    listed?.arch === 'noarch' || arch === undefined || ownArch === undefined || arch === ownArch
  const upstream = sourcesOf(snapshot.mirror)
    .filter(isAsked)
    .map((source) => toSourceView(source, false))
  // Only packages are asked for elsewhere.
  const list = isPackage ? undefined : await snapshots.extras.statedBy(snapshot, path)
  const fallbacks = isPackage
    ? paths
        .fallbacksOf(snapshot.mirror)
        .filter(isAsked)
        .map((one) => toSourceView(one, true))
    : []
  return {
    href,
    arch: ownArch ?? null,
    nevra: listed === undefined ? null : formatNevra(listed),
    digest,
    bytes: size ?? null,
    stated_by: list === 'capture' ? 'sync' : statedBy(fileKind, href),
    stated_in: list === 'capture' ? null : (list ?? null),
    signature:
      (await toSignatureViews(snapshots, snapshot))[ownArch ?? ''] ??
      (await toSignatureView(snapshots, snapshot)),
    stored: { state, bytes: bytes ?? null, used_at: toIso(usedAt) },
    departed: listed?.departure === undefined ? null : toDepartureView(listed.departure),
    sources: [...upstream, ...fallbacks],
  }
}

function statedBy(kind: FileReply['fileKind'], href: string): WhyFile['stated_by'] {
  if (kind === 'package') return 'primary'
  if (kind === 'extra') return 'list'
  return href.startsWith('repodata/repomd.xml') ? 'sync' : 'repomd.xml'
}

async function describeAsked(
  { usage, showClient }: ApiContext,
  { snapshot }: FileReply,
): Promise<WhyAsked | null> {
  await usage.flush().catch(() => undefined)
  const found = await usage.reader.ofMirror(snapshot.mirror)
  if (found === undefined) return null
  const { snapshots, recent_clients: clients } = toDetailsView(found, showClient)
  const used = snapshots.find((one) => one.snapshot === snapshot.name)
  return {
    snapshot_last_seen: used?.last_seen ?? null,
    snapshot_requests: used?.requests ?? 0,
    clients: clients
      .slice(0, MAX_CLIENTS)
      .map(({ client, agent, last_seen }) => ({ client, agent, last_seen })),
  }
}

function toSourceView(
  { baseurl, state, failures, retryInMs, error }: SourceReport,
  fallback: boolean,
): WhySource {
  return { baseurl, fallback, state, failures, retry_in_ms: retryInMs, error: error ?? null }
}
