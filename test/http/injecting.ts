import type { OutgoingHttpHeaders } from 'node:http'

import { httpGet } from '../support/http-get.ts'
import { writeSyntheticRepository } from '../support/synthetic-repository.ts'
import type { Site } from './site.ts'

/** What `POST /repos/inject` answered. */
export interface Injected {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
  readonly text: string
  /** Generation, sections injected, and enabled ones that found no mirror, by the headers. */
  readonly counts: readonly [generation: unknown, injected: unknown, unmatched: unknown]
  /** The problem document of an error. */
  readonly problem: Readonly<Record<string, unknown>>
}

/** How a configuration is posted. */
export interface Posting {
  /** What follows the `?`. */
  readonly query?: string
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
}

/** Posts a configuration. */
export async function inject(url: string, config: string | Buffer, posting: Posting = {}): Promise<Injected> {
  const { query = '', method = 'POST', headers = {} } = posting
  const target = `${url}/repos/inject${query === '' ? '' : `?${query}`}`
  const reply = await httpGet(target, { method, body: config, headers })
  const text = reply.body.toString()
  const isProblem = reply.headers['content-type'] === 'application/problem+json'
  const count = (name: string) => reply.headers[`x-pinyon-${name}`]
  return {
    status: reply.status,
    headers: reply.headers,
    body: reply.body,
    text,
    counts: [count('generation'), count('injected'), count('unmatched')],
    problem: isProblem && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {},
  }
}

/** Publishes another snapshot of a site's mirror; gives its name. */
export async function publishNext(site: Site): Promise<string> {
  const { generation } = await site.app.store.index()
  writeSyntheticRepository(site.root, { packages: [{ name: 'next', version: String(generation) }] })
  const result = await site.app.sync('m')
  if (result.outcome === 'failed') throw result.error
  return result.snapshot.name
}
