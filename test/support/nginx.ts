import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { freePort } from './daemon.ts'
import type { Issued } from './pki.ts'
import { tempDir } from './temp-dir.ts'
import { findTool } from './tools.ts'

export interface Nginx {
  /** Where the root is, with a slash at the end. */
  readonly url: string
  readonly port: number
  /** Ends it before the test does. */
  stop(): Promise<void>
  /**
   * What the access log holds so far: a line `METHOD TARGET STATUS BYTES` a request. Empty without `accessLog`; the last lines are
   * there for certain once it is stopped.
   */
  accessLog(): string
}

export interface NginxOptions {
  readonly accessLog?: boolean
  /** Directives for its one server block, in place of the static `location /`. */
  readonly server?: string
  /** Whether it has no h2. */
  readonly isH1Only?: boolean
  /** Speaks TLS, with h2 and http/1.1; lines of the log then end in `PROTOCOL CLIENT USER_AGENT`. */
  readonly tls?: Issued & {
    /** PEM file of the authorities of client certificates, of which one has to be shown. */
    readonly clientCa?: string
  }
}

/** Another process may take the free port before nginx does. */
const BIND_ATTEMPTS = 5

/** Starts nginx with one worker on a free port of 127.0.0.1, serving `root` until the test ends. */
export async function startNginx(t: TestContext, root: string, options: NginxOptions = {}): Promise<Nginx> {
  const dir = tempDir(t)
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    writeFileSync(join(dir, 'nginx.conf'), formatConfiguration(dir, root, port, options))
    const started = await start(dir)
    if (typeof started === 'string') {
      if (attempt < BIND_ATTEMPTS && started.includes('Address already in use')) continue
      throw new Error(`nginx did not start: ${started}`)
    }
    t.after(() => stop(started))
    const log = join(dir, 'access.log')
    return {
      url: options.tls === undefined ? `http://127.0.0.1:${port}/` : `https://localhost:${port}/`,
      port,
      stop: () => stop(started),
      accessLog: () => (options.accessLog === true ? readFileSync(log, 'utf8') : ''),
    }
  }
}

/** The process once its worker runs, or what it said instead. */
function start(dir: string): Promise<ChildProcess | string> {
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess | string>()
  const args = ['-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')]
  const child = spawn(findTool('nginx') ?? 'nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  // A test process that ends without its hooks would leave it running.
  const kill = () => child.kill()
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  const said: string[] = []
  child.once('error', reject)
  child.once('close', () => resolve(said.join('\n')))
  createInterface(child.stderr).on('line', (line) => {
    said.push(line)
    if (line.includes('start worker process ')) resolve(child)
  })
  return promise
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

function formatTls(tls: NginxOptions['tls']): string {
  if (tls === undefined) return ''
  const { cert, key, clientCa } = tls
  const client = clientCa === undefined ? '' : `ssl_client_certificate ${clientCa}; ssl_verify_client on;`
  return `ssl_certificate ${cert}; ssl_certificate_key ${key}; ${client}`
}

function formatConfiguration(dir: string, root: string, port: number, options: NginxOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${dir}/tmp;`,
  )
  mkdirSync(join(dir, 'tmp'), { recursive: true })
  return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${dir}/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  ${temporary.join(' ')}
  log_format short '$request_method $request_uri $status $body_bytes_sent${options.tls === undefined ? '' : ' $server_protocol $ssl_client_s_dn $http_user_agent'}';
  access_log ${options.accessLog === true ? `${dir}/access.log short` : 'off'};
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port}${options.tls === undefined ? '' : options.isH1Only === true ? ' ssl' : ' ssl http2'};
    ${formatTls(options.tls)}
    ${options.server ?? `location / { root ${root}; }`}
  }
}
`
}
