import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { freePort } from '../../test/support/daemon.ts'
import { findTool } from '../../test/support/tools.ts'
import type { Peer } from './peer.ts'

/** Configurations below `bench/peers/nginx/`. */
export type NginxConfiguration = 'proxy_cache' | 'static'

/** What a configuration's `${…}` stand for, beside ports. */
export interface NginxPlace {
  /** An empty directory for its cache and its temporary files. */
  readonly dir: string
  /** What is served, or cached. */
  readonly root: string
}

/** Starts nginx with one worker by one of its configurations, on free ports of 127.0.0.1. */
export async function startNginxPeer(
  configuration: NginxConfiguration,
  { dir, root }: NginxPlace,
): Promise<Peer> {
  mkdirSync(join(dir, 'tmp'), { recursive: true })
  const [port, upstreamPort] = [await freePort(), await freePort()]
  const values: Readonly<Record<string, string>> = {
    USER: process.getuid?.() === 0 ? 'user root;' : '',
    DIR: dir,
    ROOT: root,
    PORT: String(port),
    UPSTREAM_PORT: String(upstreamPort),
  }
  const template = readFileSync(join(import.meta.dirname, 'nginx', `${configuration}.conf`), 'utf8')
  const file = join(dir, 'nginx.conf')
  writeFileSync(
    file,
    template.replaceAll(/\$\{([A-Z_]+)\}/g, (whole, name: string) => values[name] ?? whole),
  )
  const nginx = findTool('nginx')
  if (nginx === undefined) throw new Error('nginx is not installed')
  const child = spawn(nginx, ['-p', dir, '-e', 'stderr', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const pid = await workerOf(child)
  return { name: `nginx ${configuration}`, url: `http://127.0.0.1:${port}`, pid, stop: () => stop(child) }
}

/** The worker's process id, which nginx tells when the worker runs. */
async function workerOf(child: ChildProcess): Promise<number> {
  const said: string[] = []
  if (child.stderr === null) throw new Error('nginx was started without a standard error')
  for await (const line of createInterface(child.stderr)) {
    said.push(line)
    const pid = /start worker process (\d+)/.exec(line)?.[1]
    if (pid === undefined) continue
    child.stderr.resume()
    return Number(pid)
  }
  throw new Error(`nginx did not start: ${said.join('\n')}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
