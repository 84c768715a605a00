import type { GenerationCause } from '../snapshot/store.ts'
import { PinyonError } from '../model/errors.ts'
import type { WRITE_OPS } from '../system/metric-table.ts'
import type { Exchange } from './exchange.ts'
import { count, flag, optionalText, texts, optionalWord, readJsonBody, snapshotName } from './json-body.ts'
import { sendFetch } from './send-fetch.ts'
import { sendSync } from './send-sync.ts'
import { sendVerify } from './send-verify.ts'
import type { WriteActions } from './write-actions.ts'

/** What writes are for. */
export type WriteOp = (typeof WRITE_OPS)[number]

/** A write that may be done. */
export interface WriteCall {
  readonly exchange: Exchange
  readonly actor: string
  readonly actions: WriteActions
  /** What follows `/api/v1`. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

/** How a write ended. */
export interface WriteOutcome {
  /** What to answer as JSON; undefined when it has been answered. */
  readonly reply?: object
  /** What the audit line says beside who, what and the status. */
  readonly note?: Readonly<Record<string, unknown>>
}

/** A write of the API. */
export interface WriteRoute {
  readonly method: 'POST' | 'PUT' | 'DELETE'
  /** What follows `/api/v1`; `*` stands for any one segment. */
  readonly path: string
  /** What it is for, as figures tell it. */
  readonly op: WriteOp
  /** Whether the path can be read as well. */
  readonly isReadable: boolean
  readonly run: (call: WriteCall) => Promise<WriteOutcome>
}

/** Who edits the file itself tells why; a sync has its own way. */
const RELOAD_CAUSES = ['pin', 'unpin', 'rollback', 'remove'] as const satisfies readonly GenerationCause[]

/** What to fetch without naming packages; what its policy would want of the current snapshot unless told. */
const FETCHES = ['at_risk', 'all'] as const

const ROUTES: readonly WriteRoute[] = [
  { method: 'POST', path: 'reload', op: 'maintain', isReadable: false, run: reload },
  { method: 'POST', path: 'gc', op: 'maintain', isReadable: false, run: collect },
  { method: 'POST', path: 'verify', op: 'maintain', isReadable: false, run: verify },
  { method: 'POST', path: 'rollback', op: 'pin', isReadable: false, run: rollBackFarm },
  { method: 'POST', path: 'mirrors/*/sync', op: 'sync', isReadable: false, run: sync },
  { method: 'POST', path: 'mirrors/*/fetch', op: 'fetch', isReadable: false, run: fetchPackages },
  { method: 'PUT', path: 'mirrors/*/pin', op: 'pin', isReadable: true, run: pin },
  { method: 'DELETE', path: 'mirrors/*/pin', op: 'pin', isReadable: true, run: unpin },
  { method: 'POST', path: 'mirrors/*/rollback', op: 'pin', isReadable: false, run: rollBackMirror },
  { method: 'DELETE', path: 'mirrors/*', op: 'remove', isReadable: true, run: remove },
  { method: 'DELETE', path: 'mirrors/*/snapshots/*', op: 'remove', isReadable: true, run: retire },
  { method: 'DELETE', path: 'views', op: 'remove', isReadable: true, run: endViews },
  { method: 'DELETE', path: 'views/*', op: 'remove', isReadable: true, run: endView },
]

/** The writes of a path, one a method. */
export function findRoutes(path: readonly string[]): readonly WriteRoute[] {
  return ROUTES.filter((route) => {
    const parts = route.path.split('/')
    return parts.length === path.length && parts.every((part, at) => part === '*' || part === path[at])
  })
}

async function reload({ exchange, actor, actions }: WriteCall): Promise<WriteOutcome> {
  const { cause } = await readJsonBody(exchange.request, { cause: optionalWord(RELOAD_CAUSES) })
  await actions.reload(cause === undefined ? undefined : { cause, actor })
  return { reply: { reloaded: true }, note: cause === undefined ? {} : { cause } }
}

async function collect({ exchange, actions }: WriteCall): Promise<WriteOutcome> {
  const fields = { dry_run: flag, background: flag }
  const { dry_run: dryRun, background } = await readJsonBody(exchange.request, fields)
  return { reply: await actions.collect({ dryRun, wait: !background }), note: { dryRun } }
}

async function verify({ exchange, actions }: WriteCall): Promise<WriteOutcome> {
  const { dry_run: dryRun } = await readJsonBody(exchange.request, { dry_run: flag })
  const { findings, ok } = await sendVerify(exchange, dryRun, actions)
  return { note: { dryRun, findings: findings.length, ok } }
}

async function sync({ exchange, actor, actions, path: [, mirror = ''] }: WriteCall): Promise<WriteOutcome> {
  await readJsonBody(exchange.request, {})
  const { outcome, error } = await sendSync(exchange, mirror, actor, actions)
  return { note: error === undefined ? { outcome } : { outcome, reason: error } }
}

async function fetchPackages(call: WriteCall): Promise<WriteOutcome> {
  const { exchange, actions, path } = call
  const fields = { packages: texts, which: optionalWord(FETCHES) }
  const { packages: specs, which = 'used' } = await readJsonBody(exchange.request, fields)
  const { fetched, lost, failed } = await sendFetch(exchange, path[1] ?? '', { which, specs }, actions)
  return { note: { fetched, lost, failed } }
}

async function pin({ exchange, actor, actions, path: [, mirror = ''] }: WriteCall): Promise<WriteOutcome> {
  const fields = { snapshot: snapshotName, why: optionalText, dry_run: flag }
  const { snapshot, why, dry_run: dryRun } = await readJsonBody(exchange.request, fields)
  const request = { snapshot, why, dryRun, ifMatch: exchange.request.headers['if-match'] }
  return { reply: await actions.pin(mirror, request, actor), note: { snapshot, dryRun, ...said(why) } }
}

async function unpin({ exchange, actor, actions, path: [, mirror = ''] }: WriteCall): Promise<WriteOutcome> {
  const { dry_run: dryRun } = await readJsonBody(exchange.request, { dry_run: flag })
  const request = { dryRun, ifMatch: exchange.request.headers['if-match'] }
  return { reply: await actions.unpin(mirror, request, actor), note: { dryRun } }
}

async function rollBackMirror(call: WriteCall): Promise<WriteOutcome> {
  const fields = { why: optionalText, dry_run: flag }
  const { why, dry_run: dryRun } = await readJsonBody(call.exchange.request, fields)
  const request = { why, dryRun, ifMatch: call.exchange.request.headers['if-match'] }
  const change = await call.actions.rollBackMirror(call.path[1] ?? '', request, call.actor)
  return { reply: change, note: { snapshot: change.current, dryRun, ...said(why) } }
}

async function rollBackFarm({ exchange, actor, actions }: WriteCall): Promise<WriteOutcome> {
  const fields = { generation: count, dry_run: flag, why: optionalText }
  const { generation, dry_run: dryRun, why } = await readJsonBody(exchange.request, fields)
  return {
    reply: await actions.rollBackFarm({ generation, dryRun, why }, actor),
    note: { generation, dryRun, ...said(why) },
  }
}

/** The words that go into the file: the log keeps them when they are gone from there. */
function said(why: string | undefined): { readonly why?: string } {
  return why === undefined ? {} : { why }
}

async function remove(call: WriteCall): Promise<WriteOutcome> {
  const { exchange, actor, actions, query } = call
  await readJsonBody(exchange.request, {})
  const unknown = [...query.keys()].find((key) => key !== 'force' && key !== 'dry_run')
  if (unknown !== undefined)
    throw new PinyonError('BODY_REFUSED', `an unknown parameter: ${JSON.stringify(unknown.slice(0, 80))}`)
  const request = { force: readFlag(query, 'force'), dryRun: readFlag(query, 'dry_run') }
  return { reply: await actions.remove(call.path[1] ?? '', request, actor), note: request }
}

async function retire({ exchange, actions, path }: WriteCall): Promise<WriteOutcome> {
  await readJsonBody(exchange.request, {})
  const [, mirror = '', , snapshot = ''] = path
  return { reply: await actions.retire(mirror, snapshot) }
}

async function endViews({ exchange, actions, query }: WriteCall): Promise<WriteOutcome> {
  await readJsonBody(exchange.request, {})
  const [client, ...more] = query.getAll('client')
  if (client === undefined || client === '' || more.length > 0 || query.size > 1)
    throw new PinyonError(
      'BODY_REFUSED',
      'expected one parameter, client: the address whose views are to end',
    )
  const ended = await actions.endViews(client)
  return { reply: { client, ended }, note: { client, ended } }
}

async function endView({ exchange, actions, path: [, view = ''] }: WriteCall): Promise<WriteOutcome> {
  await readJsonBody(exchange.request, {})
  const ended = await actions.endView(view)
  return { reply: { view, ended }, note: { view, ended } }
}

/** `?key` and `?key=1` are true, `?key=0` is false. */
function readFlag(query: URLSearchParams, key: string): boolean {
  const value = query.get(key) ?? '0'
  if (value === '' || value === '1') return true
  if (value === '0') return false
  throw new PinyonError(
    'BODY_REFUSED',
    `${key}: expected 1 or 0, found: ${JSON.stringify(value.slice(0, 80))}`,
  )
}
