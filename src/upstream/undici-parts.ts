import { createRequire } from 'node:module'
import type buildConnector from 'undici/lib/core/connect.js'
import type errors from 'undici/lib/core/errors.js'
import type Client from 'undici/lib/dispatcher/client.js'
import type Agent from 'undici/lib/dispatcher/agent.js'
import type Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import type Pool from 'undici/lib/dispatcher/pool.js'
import type ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js'

const require = createRequire(import.meta.url)

/** What is used of undici. */
export interface Undici {
  readonly Agent: typeof Agent
  readonly Client: typeof Client
  readonly buildConnector: typeof buildConnector
  readonly errors: typeof errors
  readonly Pool: typeof Pool
  readonly ProxyAgent: typeof ProxyAgent
  /** Where a socket of http/1.1 has its parser. */
  readonly kParser: symbol
}

/**
 * Gives what is used of undici, and loads it the first time: 20 ms, which who asks nobody over HTTP need not wait for. The whole of it, with fetch,
 * WebSockets, caches and mocks, would be eighty modules more and 40 ms.
 */
export function loadUndici(): Undici {
  const { prototype } = require('undici/lib/dispatcher/dispatcher.js') as typeof Dispatcher
  // As undici's own index does.
  Object.assign(prototype, require('undici/lib/api/index.js'))
  return {
    Agent: require('undici/lib/dispatcher/agent.js') as typeof Agent,
    Client: require('undici/lib/dispatcher/client.js') as typeof Client,
    buildConnector: require('undici/lib/core/connect.js') as typeof buildConnector,
    errors: require('undici/lib/core/errors.js') as typeof errors,
    Pool: require('undici/lib/dispatcher/pool.js') as typeof Pool,
    ProxyAgent: require('undici/lib/dispatcher/proxy-agent.js') as typeof ProxyAgent,
    kParser: (require('undici/lib/core/symbols.js') as { kParser: symbol }).kParser,
  }
}
