import { existsSync } from 'node:fs'

import { createLayout } from '../cache/layout.ts'
import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import { counted } from '../model/count.ts'
import { PinyonError } from '../model/errors.ts'
import { isViewName } from '../model/view-name.ts'
import type { ViewList, ViewView } from '../proxy/api-views.ts'
import type { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource, openServer } from './mirror-source.ts'
import { openStore } from './open-store.ts'
import { formatAge, formatJson, formatTable, toPrintable } from './table.ts'

/** Options of `views`. */
export interface ViewsOptions extends Options {
  /** End this one instead of listing them. */
  readonly end?: string
  /** End all of {@link client} instead. */
  readonly endAll?: boolean
  readonly client?: string
}

/** Prints the views that jobs hold, or ends one, or all of a client; exits 3 when there is none. */
export async function runViews(options: ViewsOptions): Promise<ExitCode> {
  if ((options.endAll === true) !== (options.client !== undefined)) {
    process.stderr.write('--end-all and --client ADDRESS go together\n')
    return EXIT.usage
  }
  if (options.client !== undefined) return await endViews(options.client, options)
  if (options.end !== undefined) return await endView(options.end, options)
  const { views, count, max } = await readViews(options)
  if (options.json === true) process.stdout.write(`${formatJson({ count, max, views }, 2)}\n`)
  else process.stdout.write(formatViews(views, max, Date.now()))
  return views.length === 0 ? EXIT.nothing : EXIT.done
}

/** All pages. */
async function readViews(options: Options): Promise<Omit<ViewList, 'next'>> {
  const source = await openMirrorSource(options)
  try {
    const views: ViewView[] = []
    let after = ''
    for (;;) {
      const page = await source.get<ViewList>(`views?after=${encodeURIComponent(after)}`)
      views.push(...page.views)
      if (page.next === null) return { views, count: page.count, max: page.max }
      after = page.next
    }
  } finally {
    await source.close()
  }
}

async function endView(name: string, options: Options): Promise<ExitCode> {
  // What could be no view's name would not reach the server as one.
  const ended = isViewName(name) && ((await endThere(name, options)) ?? (await endHere(name, options)))
  if (options.json === true) process.stdout.write(`${formatJson({ view: name, ended })}\n`)
  else if (ended) process.stdout.write(`${toPrintable(name)}: ended\n`)
  else process.stderr.write(`there is no view: ${toPrintable(name)}\n`)
  return ended ? EXIT.done : EXIT.nothing
}

async function endViews(client: string, options: Options): Promise<ExitCode> {
  const server = await openServer(options)
  let ended: number
  try {
    const path = `views?client=${encodeURIComponent(client)}`
    ended =
      server === undefined
        ? await onStore(options, 0, (store) => store.views.endAll(client))
        : (await server.write<{ ended: number }>({ method: 'DELETE', path })).ended
  } finally {
    await server?.close()
  }
  if (options.json === true) process.stdout.write(`${formatJson({ client, ended })}\n`)
  else process.stdout.write(`${toPrintable(client)}: ${counted(ended, 'view')} ended\n`)
  return ended > 0 ? EXIT.done : EXIT.nothing
}

/** Ends a view by the running server; undefined when none runs. */
async function endThere(name: string, options: Options): Promise<boolean | undefined> {
  const server = await openServer(options)
  if (server === undefined) return undefined
  const segment = encodeURIComponent(name)
  try {
    // DELETE does not tell whether there was one.
    await server.get(`/api/v1/views/${segment}`)
    await server.delete(`/repos/views/${segment}/all_latest.json`)
    return true
  } catch (error) {
    if (error instanceof PinyonError && error.code === 'NOT_FOUND') return false
    throw error
  } finally {
    await server.close()
  }
}

async function endHere(name: string, options: Options): Promise<boolean> {
  return await onStore(options, false, (store) => store.views.end(name))
}

/** Does something with the store while no server runs; without a store, gives what stands for none. */
async function onStore<T>(
  options: Options,
  none: T,
  action: (store: SqliteSnapshotStore) => Promise<T>,
): Promise<T> {
  const { database } = createLayout(dataDirOf(options))
  if (!existsSync(database)) return none
  const store = await openStore(database)
  try {
    return await action(store)
  } finally {
    await store.close()
  }
}

function dataDirOf({ config }: Options): string {
  return loadConfig(config, process.env, LEAVING_IDENTITIES).dataDir
}

function formatViews(views: readonly ViewView[], max: number, nowMs: number): string {
  if (views.length === 0) return 'No view: no job holds a state of the index.\n'
  const rows = views.map((view) => [
    view.name,
    String(view.generation),
    toPrintable(view.client),
    formatAge(view.created_at, nowMs),
    formatRemaining(view.expires_in_ms),
  ])
  return (
    formatTable([['VIEW', 'GENERATION', 'HELD BY', 'MADE', 'ENDS IN'], ...rows]) +
    `${views.length} of at most ${max}\n`
  )
}

/** A time to come in its largest unit, rounded down. */
function formatRemaining(remainingMs: number): string {
  const seconds = Math.floor(remainingMs / 1_000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}
