import api from 'undici/lib/api/index.js'
import buildConnector from 'undici/lib/core/connect.js'
import errors from 'undici/lib/core/errors.js'
import Agent from 'undici/lib/dispatcher/agent.js'
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import Pool from 'undici/lib/dispatcher/pool.js'
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js'

// What is used of undici. The whole of it, with fetch, WebSockets, caches and mocks, is eighty modules more: 40 ms of every start, and
// their memory.

// As undici's own index does.
Object.assign(Dispatcher.prototype, api)

export { Agent, buildConnector, errors, Pool, ProxyAgent }
