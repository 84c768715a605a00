import assert from 'node:assert/strict'

import type { WhyView } from '../../src/proxy/api-why.ts'
import { httpGet } from '../support/http-get.ts'

/** What a server says of a path below it. */
export async function readWhy(url: string, path: string): Promise<WhyView> {
  const { status, body } = await httpGet(`${url}/api/v1/why?path=${encodeURIComponent(path)}`)
  assert.equal(status, 200, body.toString())
  return JSON.parse(body.toString()) as WhyView
}
