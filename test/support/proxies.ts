import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { openToOthers, startDaemon, type Daemon } from './daemon.ts'
import { mustRun } from './run-command.ts'
import { tempDir } from './temp-dir.ts'

/** Who may use a proxy. */
export interface ProxyUser {
  readonly username: string
  readonly password: string
}

/** Squid, which wants basic authentication and caches nothing. */
export interface Squid extends Daemon {
  /** A line `METHOD STATUS URL` for each request that has ended. */
  accessLog(): string
}

/** Starts squid until the test ends. */
export async function startSquid(t: TestContext, { username, password }: ProxyUser): Promise<Squid> {
  const dir = tempDir(t)
  openToOthers(dir, 0o777)
  const { stdout } = await mustRun('openssl', ['passwd', '-apr1', '-stdin'], { input: password })
  writeFileSync(join(dir, 'users'), `${username}:${stdout.trim()}\n`, { mode: 0o644 })
  const log = join(dir, 'access.log')
  const daemon = await startDaemon(t, 'squid', (port) => {
    const file = join(dir, `${port}.conf`)
    writeFileSync(file, formatSquid(dir, port, log))
    return ['-N', '-n', `pinyon${port}`, '-f', file]
  })
  return { ...daemon, accessLog: () => readFileSync(log, 'utf8') }
}

/** Starts microsocks, a SOCKS 5 server, until the test ends; it wants the user's password where one is given. */
export async function startSocks(t: TestContext, user?: ProxyUser): Promise<Daemon> {
  const login = user === undefined ? [] : ['-u', user.username, '-P', user.password]
  return await startDaemon(t, 'microsocks', (port) => ['-i', '127.0.0.1', '-p', String(port), ...login])
}

function formatSquid(dir: string, port: number, log: string): string {
  return `
http_port 127.0.0.1:${port}
auth_param basic program /usr/lib/squid/basic_ncsa_auth ${dir}/users
auth_param basic children 1 startup=1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
logformat short %rm %>Hs %ru
access_log stdio:${log} logformat=short
buffered_logs off
cache_log ${dir}/cache.log
pid_filename ${dir}/squid.pid
coredump_dir ${dir}
shutdown_lifetime 0 seconds
pinger_enable off
`
}
