import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'

import type { DiskFault } from '../support/disk-faults.ts'
import type { Random } from '../support/random.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import type { Desk } from './desk.ts'
import { MIRRORS, type MirrorName } from './repositories.ts'

const ATTACKER = new URL('../promises/attacker.ts', import.meta.url).pathname
const NAMES = Object.keys(MIRRORS) as MirrorName[]

/** What upstreams do to the rest. */
const MISBEHAVIOURS: readonly ((random: Random) => Behaviour)[] = [
  () => ({ status: 503 }),
  () => ({ status: 404 }),
  () => ({ status: 429 }),
  () => ({ html: true }),
  () => ({ hangUp: true }),
  (random) => ({ cutAt: random.below(80_000), reset: random.once(2) }),
  (random) => ({ shortenTo: random.below(80_000) }),
  (random) => ({ flipByteAt: random.below(20_000) }),
  (random) => ({ flipByteAt: random.below(2_000), framing: 'chunked' }),
  (random) => ({ latencyMs: random.below(1_500) }),
  (random) => ({
    cutAt: random.below(60_000),
    ranges: random.pick(['ignored', 'refused', 'shifted', 'lying'] as const),
  }),
  () => ({ headers: { 'Content-Encoding': 'gzip' } }),
  () => ({ redirectTo: '/elsewhere' }),
  () => ({ bytesPerSecond: 40_000 }),
]

const FAULTS: readonly DiskFault[] = [
  { error: 'ENOSPC', operations: ['write'] },
  { error: 'EIO', operations: ['write', 'sync'] },
  { error: 'EIO', operations: ['read'], once: true },
  { error: 'EROFS', operations: ['write', 'name'] },
  { error: 'EMFILE', operations: ['open'], once: true },
  { error: 'ENOSPC', operations: ['sync'], once: true },
]

/** Makes everything around the server go wrong: upstreams, the disk, clients, the process itself. */
export class Troublemaker {
  readonly #desk: Desk
  #attacker: ChildProcess | undefined

  constructor(desk: Desk) {
    this.#desk = desk
  }

  /** A mirror's upstream is well again. */
  async heal(mirror: MirrorName): Promise<string> {
    const { repositories, weather } = this.#desk
    await repositories.heal(mirror)
    weather.storm(mirror, false)
    return mirror
  }

  /** Upstream publishes. */
  async publish(mirror = this.#desk.random.pick(NAMES)): Promise<string> {
    const { repositories, weather, random } = this.#desk
    const outOfStep = mirror === 'pair' && random.once(3)
    weather.storm(mirror, weather.stormy.has(mirror) || outOfStep)
    const { number } = await repositories.publish(mirror, { outOfStep })
    weather.storm(mirror, weather.stormy.has(mirror))
    return `${mirror}, generation ${number}${outOfStep ? ', at one source only' : ''}`
  }

  /** Upstream does one of these to every request. */
  async misbehave(): Promise<string> {
    const { repositories, weather, random } = this.#desk
    const mirror = random.pick(NAMES)
    const behaviour = random.pick(MISBEHAVIOURS)(random)
    weather.storm(mirror, true)
    const only = MIRRORS[mirror] > 1 && random.once(2) ? 0 : undefined
    repositories.behave(mirror, behaviour, only)
    return `${mirror}${only === undefined ? '' : ', first source'}: ${JSON.stringify(behaviour)}`
  }

  /** All upstreams are gone for a while. */
  async outage(): Promise<string> {
    const { repositories, weather, random } = this.#desk
    for (const mirror of NAMES) {
      weather.storm(mirror, true)
      for (const source of repositories.sources[mirror]) await source.stop()
    }
    const ms = 200 + random.below(2_500)
    await pause(ms)
    for (const mirror of NAMES) await this.heal(mirror)
    return `${ms} ms`
  }

  /** The disk fails for a while. */
  async failDisk(): Promise<string> {
    const { farm, random, weather } = this.#desk
    const { disk } = farm
    if (disk === undefined) return 'no failing disk can be made here'
    const fault = { ...random.pick(FAULTS), skip: random.below(40) }
    weather.diskFails(true)
    disk.fail(fault)
    await pause(200 + random.below(1_500))
    const { failed } = disk.heal()
    weather.diskFails(false)
    return `${JSON.stringify(fault)}: ${failed} calls failed`
  }

  /** Clients that mean no good come, or go. */
  async attack(): Promise<string> {
    const { farm, random, repositories } = this.#desk
    if (this.#attacker !== undefined) {
      this.#attacker.kill('SIGKILL')
      this.#attacker = undefined
      return 'ends'
    }
    const kind = random.pick([
      'idle',
      'half a head',
      'no reading',
      'a byte a second',
      'pipelining',
      '256 ranges',
      'overlapping ranges',
    ])
    const [path] = random.pick([...repositories.newest('plain').packages])
    const args = [kind, new URL(farm.url).port, '12', `/repos/yum/plain/latest/${path}`]
    this.#attacker = spawn(process.execPath, [ATTACKER, ...args], { stdio: 'ignore' })
    return kind
  }

  /** The server is killed or stopped, and started again. */
  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<string> {
    await this.#desk.farm.restart(signal)
    return signal
  }

  /** Ends what it has begun. */
  close(): void {
    this.#attacker?.kill('SIGKILL')
  }
}
