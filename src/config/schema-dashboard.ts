import * as z from 'zod'
import { value } from './schema-value.ts'
import type { Parsed } from './urls.ts'

/** What stands for an absent key of `dashboard`, as one would write it. */
export const DASHBOARD_DEFAULTS = { clients: 'network' } as const

const CLIENTS = ['network', 'full', 'count'] as const

/** What the network is told of clients: their networks, their addresses, or only how many there are. */
export type ShownClients = (typeof CLIENTS)[number]

/** `dashboard`: what is shown to whom. */
export function dashboardSchema() {
  return z
    .strictObject(
      { clients: value(parseClients).prefault(DASHBOARD_DEFAULTS.clients) },
      { error: 'a mapping of keys such as clients' },
    )
    .prefault({})
}

function parseClients(input: unknown): Parsed<ShownClients> {
  const found = CLIENTS.find((one) => one === input)
  return found === undefined ? { expected: `one of ${CLIENTS.join(', ')}` } : { value: found }
}
