import { counted } from '../model/count.ts'
import type { WhyAsked, WhyFile, WhySource, WhyView } from '../proxy/api-why.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import { formatAge, formatBytes, formatJson, toPrintable } from './table.ts'

/** Explains a URL; exits 3 when there is nothing at it, or it is refused. */
export async function explainUrl(url: string, options: Options): Promise<ExitCode> {
  const source = await openMirrorSource(options)
  try {
    const path = url.startsWith('/') || /^https?:\/\//i.test(url) ? url : `/${url}`
    const why = await source.get<WhyView>(`why?path=${encodeURIComponent(path)}`)
    if (options.json === true) process.stdout.write(`${formatJson(why, 2)}\n`)
    else process.stdout.write(formatWhy(why, { nowMs: Date.now(), running: source.running }))
    return why.code !== null ? EXIT.nothing : EXIT.done
  } finally {
    await source.close()
  }
}

/** How ages are told, and whether a server answered: only that knows how sources are. */
interface Telling {
  readonly nowMs: number
  readonly running: boolean
}

/** An explanation for a terminal, a fact a line. */
export function formatWhy(why: WhyView, telling: Telling): string {
  const { path, status, reason, redirects, view, mirror, snapshot, file, asked } = why
  const lines: [string, string][] = [[path, describeStatus(why)]]
  for (const location of redirects) lines.push(['redirect', location])
  if (reason !== null) lines.push(['why', reason])
  if (view !== null) lines.push(['view', describeView(view)])
  if (mirror !== null && (status < 400 || file !== null))
    lines.push(['snapshot', snapshot === null ? mirror : `${snapshot} of ${mirror}`])
  if (file !== null) lines.push(...describeFile(file, why.outcome, telling))
  if (asked !== null) lines.push(...describeAsked(asked, telling))
  return lines.map(([name, text]) => `${toPrintable(name).padEnd(9)} ${toPrintable(text)}\n`).join('')
}

const KINDS: Readonly<Record<WhyView['kind'], string>> = {
  package: 'a package',
  extra: 'a file beside the packages',
  repodata: 'a file of repodata',
  view: "a view's index",
  text: 'made by the server',
  redirect: 'a redirect',
  none: 'nothing',
}

function describeStatus({ status, outcome, kind, code, file }: WhyView): string {
  if (code === null) return `${status}, ${KINDS[kind]}`
  if (file === null) return `${status} ${code}`
  const refused = `${outcome} (${code}), ${KINDS[kind]}`
  return status < 400 ? `${status}, and then ${refused}` : `${status} ${refused}`
}

function describeView({ name, generation, ends_at: endsAt }: NonNullable<WhyView['view']>): string {
  if (generation === null) return `${name}: nobody has frozen it; the next GET does`
  return `${name}: generation ${generation}, until ${endsAt ?? 'it is ended'}`
}

function describeFile(
  file: WhyFile,
  outcome: WhyView['outcome'],
  { nowMs, running }: Telling,
): [string, string][] {
  const { href, arch, nevra, digest, bytes, stated_by: by, stated_in: list, departed, sources } = file
  const size = bytes === null ? 'no size stated' : formatBytes(bytes)
  const lines: [string, string][] = [
    ['file', `${nevra === null ? '' : `${nevra}, `}${href}, ${size}${arch === null ? '' : `, of ${arch}`}`],
    [
      'trusted',
      by === 'sync' ? `${digest}, as the sync captured it` : `${digest}, which ${list ?? by} states`,
    ],
    ['signed', describeSignature(file)],
    ['bytes', describePlace(file, outcome, nowMs)],
  ]
  if (departed !== null) {
    const { state, left_at: leftAt, replaced, answers } = departed
    const facts = [
      `${state.replace('_', ' ')}, upstream dropped it ${leftAt === null ? 'at an unknown time' : formatAge(leftAt, nowMs)}`,
      ...(replaced ? ['it has other bytes under this name by now'] : []),
      ...(answers === null ? [] : [`asked: ${answers}`]),
    ]
    lines.push(['upstream', facts.join('; ')])
  }
  const shown = sources.map((source): [string, string] => ['source', describeSource(source, href)])
  if (shown.length === 0 && !running) shown.push(['source', 'no server runs that would ask one'])
  return [...lines, ...shown]
}

function describeSignature({ signature: { state, owner, fingerprint, verified_at: at } }: WhyFile): string {
  if (state === 'verified')
    return `repomd.xml by ${owner ?? 'an unnamed key'}, ${fingerprint}, verified ${at}`
  if (state === 'unverified') return 'repomd.xml.asc is there, and was not asked to be verified'
  return state === 'missing' ? 'upstream had no right repomd.xml.asc' : 'repomd.xml is not signed'
}

function describePlace({ stored, departed }: WhyFile, outcome: WhyView['outcome'], nowMs: number): string {
  const { state, bytes, used_at: usedAt } = stored
  if (state === 'filling') return 'being fetched now'
  if (state === 'absent' && outcome === 'lost')
    return `not here: no source has them, and none is asked before ${departed?.asked_again_at ?? 'the time above'}`
  if (state === 'absent' && departed?.state === 'lost') return 'not here: the next GET asks all sources again'
  if (state === 'absent') return 'not here: the next GET fetches them'
  return `stored, ${formatBytes(bytes ?? 0)}, last needed ${formatAge(usedAt, nowMs)}`
}

function describeSource(source: WhySource, href: string): string {
  const { baseurl, fallback, state, failures, retry_in_ms: retryMs, error } = source
  const url = /[{}]/.test(baseurl) ? baseurl : `${baseurl.replace(/\/?$/, '/')}${href}`
  const facts = [
    `${state}${failures === 0 ? '' : `, ${failures} failures`}`,
    ...(retryMs > 0 ? [`asked again in ${Math.ceil(retryMs / 1000)} s`] : []),
    ...(error === null ? [] : [error]),
  ]
  return `${url}${fallback ? ' (fallback)' : ''}: ${facts.join(', ')}`
}

function describeAsked(asked: WhyAsked, { nowMs }: Telling): [string, string][] {
  const { snapshot_last_seen: seen, snapshot_requests: requests, clients } = asked
  const last = seen === null ? 'nobody' : `${formatAge(seen, nowMs)}, ${counted(requests, 'request')} in all`
  const shown = clients.map(({ client, agent, last_seen: at }): [string, string] => [
    'client',
    `${client}, ${agent}, ${formatAge(at, nowMs)}`,
  ])
  return [['asked', `for anything of the snapshot: ${last}`], ...shown]
}
