import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { ServerConnection } from '../../src/cli/server-connection.ts'
import { FaultyDisk } from '../support/disk-faults.ts'
import type { Random } from '../support/random.ts'
import { startServer, type StartedServer } from '../support/start-server.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { Judge } from './judge.ts'
import { MIRRORS, type MirrorName, type Repositories } from './repositories.ts'
import type { Weather } from './weather.ts'

/** What the configuration says beside what never changes. */
export interface Settings {
  readonly policy: 'on_demand' | 'warm' | 'immediate'
  readonly keep: number
  readonly maxSize: string
  readonly isChecked: boolean
  readonly interval: string
  /** Processes that serve. */
  readonly workers: number
  readonly pins: Readonly<Partial<Record<MirrorName, string>>>
}

const FIRST_SETTINGS: Settings = {
  policy: 'warm',
  keep: 3,
  maxSize: '16MiB',
  isChecked: true,
  interval: 'off',
  workers: 2,
  pins: {},
}

/** A server in a process of its own that is stopped and started on the same port and data. */
export class Farm {
  readonly url: string
  readonly dataDir: string
  readonly configFile: string
  /** A disk that can be made to fail; undefined where none can be made. */
  readonly disk: FaultyDisk | undefined
  settings = FIRST_SETTINGS
  peakBytes = 0
  readonly #parts: Parts
  #server: StartedServer | undefined

  private constructor(parts: Parts) {
    this.#parts = parts
    this.disk = parts.disk
    this.url = `http://127.0.0.1:${parts.port}`
    this.dataDir = join(parts.dir, 'data')
    this.configFile = join(parts.dir, 'pinyon.yaml')
  }

  static async start(
    t: TestContext,
    parts: { repositories: Repositories; weather: Weather; judge: Judge; random: Random },
  ): Promise<Farm> {
    const dir = tempDir(t)
    const disk = await FaultyDisk.create(t, join(dir, 'data'))
    const farm = new Farm({ ...parts, t, dir, disk, port: await findPort() })
    await farm.up()
    return farm
  }

  get pid(): number {
    return this.#server?.process.pid ?? 0
  }

  get child(): StartedServer['process'] | undefined {
    return this.#server?.process
  }

  /** Starts the server, which must come up on what is there. */
  async up(): Promise<void> {
    const { t, dir, disk, weather, judge } = this.#parts
    const env = { MALLOC_ARENA_MAX: '2', ...disk?.env }
    this.#server = await startServer(t, { dir, text: this.format(), env })
    weather.isServerDown = false
    const { process: child } = this.#server
    child.once('exit', (code, signal) => {
      if (!weather.isServerDown) judge.fail(new Error(`the server ended by itself: ${code ?? signal}`))
    })
  }

  /** Stops it at once, or as an operator does, and starts it again. */
  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.noteMemory()
    this.#parts.weather.serverGoesDown()
    await this.#server?.kill(signal)
    await this.up()
  }

  noteMemory(): void {
    this.peakBytes = Math.max(this.peakBytes, this.#server?.memory().peakRss ?? 0)
  }

  /** A connection for one write. */
  async admin<T>(use: (server: ServerConnection) => Promise<T>): Promise<T> {
    const server = await ServerConnection.open(join(this.dataDir, 'admin.sock'))
    if (server === undefined) throw new Error('the server has no admin socket')
    try {
      return await use(server)
    } finally {
      await server.close()
    }
  }

  /** The configuration as it is to be now. */
  format(settings = this.settings): string {
    const { repositories, port } = this.#parts
    const { policy, keep, maxSize, isChecked, interval, workers, pins } = settings
    const names = Object.keys(MIRRORS) as MirrorName[]
    const mirrors = names.map((name) => {
      const pin = pins[name]
      const key =
        name === 'signed' && isChecked
          ? { gpgkey: `file://${repositories.keyFile}`, repo_gpgcheck: true }
          : {}
      const baseurl = repositories.sources[name].map(({ url }) => url)
      return [
        name,
        { baseurl, policy, timeout: 5, retries: 1, ...key, ...(pin === undefined ? {} : { pin }) },
      ] as const
    })
    return JSON.stringify(
      {
        listen: `127.0.0.1:${port}`,
        data_dir: './data',
        sync_interval: interval,
        workers,
        retention: { keep, keep_used: '0s' },
        cache: { max_size: maxSize },
        mirrors: Object.fromEntries(mirrors),
      },
      undefined,
      2,
    )
  }
}

interface Parts {
  readonly t: TestContext
  readonly dir: string
  readonly port: number
  readonly disk: FaultyDisk | undefined
  readonly repositories: Repositories
  readonly weather: Weather
  readonly judge: Judge
}

/** A port that is free, and stays the server's over its restarts. */
async function findPort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
