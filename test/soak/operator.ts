import { renameSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

import type { ServerConnection } from '../../src/cli/server-connection.ts'
import type { SyncLine, SyncSummary } from '../../src/http/send-sync.ts'
import { digestOf, type Digest } from '../../src/model/digest.ts'
import { PinyonError } from '../../src/model/errors.ts'
import { INDEX_FORMATS } from '../../src/proxy/index-formats.ts'
import { httpGet } from '../support/http-get.ts'
import { runCommand } from '../support/run-command.ts'
import type { Desk } from './desk.ts'
import type { Settings } from './farm.ts'
import { MIRRORS, type MirrorName } from './repositories.ts'
import type { Troublemaker } from './troublemaker.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname
const NAMES = Object.keys(MIRRORS) as MirrorName[]

/** What `status` and `gc` end with when they have something to tell. */
const TROUBLE_TOLD = 1

/** One random thing after the other. */
export class Operator {
  readonly #desk: Desk
  readonly #trouble: Troublemaker
  readonly #generations = new Map<number, string>()
  #highest = 0
  readonly #actions: readonly (readonly [weight: number, name: string, act: () => Promise<string>])[]

  constructor(desk: Desk, trouble: Troublemaker) {
    this.#desk = desk
    this.#trouble = trouble
    this.#actions = [
      [4, 'publish', () => trouble.publish()],
      [8, 'publish and sync', () => this.#publishAndSync()],
      [6, 'sync', () => this.sync(desk.random.pick(NAMES))],
      [8, 'misbehave', () => trouble.misbehave()],
      [6, 'heal', () => trouble.heal(desk.random.pick(NAMES))],
      [2, 'outage', () => trouble.outage()],
      [3, 'gc', () => this.#write('POST', 'gc', { background: desk.random.once(2) })],
      [2, 'verify', () => this.#drain('/api/v1/verify', {})],
      [2, 'fetch', () => this.#drain(`/api/v1/mirrors/${desk.random.pick(NAMES)}/fetch`, { which: 'all' })],
      [3, 'pin', () => this.#pin()],
      [2, 'unpin', () => this.#write('DELETE', `mirrors/${desk.random.pick(NAMES)}/pin`)],
      [
        1,
        'rollback',
        () => this.#write('POST', `mirrors/${desk.random.pick(NAMES)}/rollback`, { why: 'soak' }),
      ],
      [1, 'rollback of the farm', () => this.#rollBackFarm()],
      [2, 'retire', () => this.#retire()],
      [4, 'reload', () => this.#reload()],
      [2, 'broken configuration', () => this.#breakConfig()],
      [1, 'command', () => this.#command()],
      [3, 'look at generations', () => this.#lookAtGenerations()],
      [2, 'stampede', () => this.#stampede()],
      [2, 'disk fault', () => trouble.failDisk()],
      [1, 'attack', () => trouble.attack()],
      [1, 'kill', () => trouble.restart('SIGKILL')],
      [1, 'stop', () => trouble.restart('SIGTERM')],
    ]
  }

  /** Does things until it is to stop. */
  async run(isRunning: () => boolean): Promise<void> {
    const total = this.#actions.reduce((sum, [weight]) => sum + weight, 0)
    while (isRunning()) {
      let at = this.#desk.random.below(total)
      const [, name, act] = this.#actions.find(([weight]) => (at -= weight) < 0) ?? this.#actions[0]!
      await this.#do(name, act)
      await pause(this.#desk.random.below(60))
    }
  }

  /** Syncs a mirror; tells how that ended. */
  async sync(mirror: MirrorName): Promise<string> {
    const { farm, judge, weather, onSynced } = this.#desk
    const mark = weather.mark(mirror)
    const before = await this.#newest(mirror)
    let result: SyncSummary | undefined
    await farm.admin(async (server) => {
      for await (const line of server.post<SyncLine>(`/api/v1/mirrors/${mirror}/sync`))
        if ('result' in line) result = line.result
    })
    const after = await this.#newest(mirror)
    if (weather.wasDown(mark) || weather.wasFaulty(mark)) return `${mirror}: in trouble`
    if (result?.outcome === 'failed' && before !== undefined)
      judge.expect(
        'a failed sync changes nothing, a crash loses nothing',
        before.snapshot === after?.snapshot,
        () => `${mirror}: ${before.snapshot} became ${after?.snapshot}: ${result?.error}`,
      )
    const isCalm = !weather.wasStormy(mirror, mark)
    if (isCalm && result !== undefined)
      judge.expect(
        'what a snapshot lists can be had',
        result.outcome !== 'failed',
        () => `upstream is well: the sync of ${mirror} failed: ${result?.error}`,
      )
    if (result?.outcome !== 'failed' && after !== undefined) onSynced(mirror, after.repomd)
    return `${mirror}: ${result?.outcome} ${result?.error ?? ''}`
  }

  async #publishAndSync(): Promise<string> {
    const mirror = this.#desk.random.pick(NAMES)
    return `${await this.#trouble.publish(mirror)}; ${await this.sync(mirror)}`
  }

  async #do(name: string, act: () => Promise<string>): Promise<void> {
    const { judge, weather } = this.#desk
    const mark = weather.mark('plain')
    try {
      judge.count(name, await act())
    } catch (error) {
      if (judge.violation !== undefined) throw judge.violation
      // What a server refuses for a reason, or could not do with a failing disk, is no news; that it does not answer is.
      const isReason = error instanceof PinyonError && error.code !== 'STORE_FAILED'
      if (!isReason && !weather.wasDown(mark) && !weather.wasFaulty(mark)) throw error
      judge.count(`${name}, refused`, (error as Error).message.slice(0, 200))
    }
  }

  /** The newest snapshot of a mirror, and the digest of its repomd.xml. */
  async #newest(mirror: MirrorName): Promise<{ snapshot: string; repomd: Digest } | undefined> {
    const { farm } = this.#desk
    const { body } = await httpGet(`${farm.url}/api/v1/mirrors/${mirror}/snapshots`)
    const { snapshots = [] } = JSON.parse(body.toString()) as { snapshots?: { name: string }[] }
    const [newest] = snapshots
    if (newest === undefined) return undefined
    const repomd = await httpGet(`${farm.url}/repos/yum/${mirror}/${newest.name}/repodata/repomd.xml`)
    return { snapshot: newest.name, repomd: digestOf(repomd.body) }
  }

  async #pin(): Promise<string> {
    const { random, farm } = this.#desk
    const mirror = random.pick(NAMES)
    const { body } = await httpGet(`${farm.url}/api/v1/mirrors/${mirror}/snapshots`)
    const { snapshots = [] } = JSON.parse(body.toString()) as { snapshots?: { name: string }[] }
    if (snapshots.length === 0) return 'nothing'
    const { name } = random.pick(snapshots)
    return await this.#write('PUT', `mirrors/${mirror}/pin`, { snapshot: name, why: 'soak' })
  }

  async #rollBackFarm(): Promise<string> {
    if (this.#highest < 2) return 'nothing'
    const generation = 1 + this.#desk.random.below(this.#highest)
    return await this.#write('POST', 'rollback', { generation, why: 'soak' })
  }

  /** A snapshot that nobody holds goes; any other is refused. */
  async #retire(): Promise<string> {
    const { random, snapshots } = this.#desk
    const urls = [...snapshots.keys()]
    if (urls.length === 0) return 'nothing'
    const [mirror = '', name = ''] = random.pick(urls).split('/').slice(-2)
    return await this.#write('DELETE', `mirrors/${mirror}/snapshots/${name}`)
  }

  async #reload(): Promise<string> {
    const { farm, random } = this.#desk
    const settings: Settings = {
      policy: random.pick(['on_demand', 'warm', 'warm', 'immediate'] as const),
      keep: 1 + random.below(4),
      maxSize: random.pick(['6MiB', '16MiB', '1GiB'] as const),
      isChecked: random.once(2),
      interval: random.pick(['off', 'off', '5s', '1h'] as const),
      workers: random.pick([1, 2, 2, 3]),
      pins: {},
    }
    farm.settings = settings
    this.#replaceFile(farm.format())
    if (random.once(3)) {
      process.kill(farm.pid, 'SIGHUP')
      return `by SIGHUP: ${JSON.stringify(settings)}`
    }
    return `${await this.#write('POST', 'reload')}: ${JSON.stringify(settings)}`
  }

  /** A file that is refused as a whole, and then put right. */
  async #breakConfig(): Promise<string> {
    const { farm, judge, weather, random } = this.#desk
    const mark = weather.mark('plain')
    const text = farm.format()
    const broken = random.pick([
      text.replace('"mirrors"', '"miror"'),
      text.slice(0, -20),
      text.replace(/"keep": \d+/, '"keep": 0'),
    ])
    this.#replaceFile(broken)
    let code = ''
    await this.#write('POST', 'reload').catch(
      (error: unknown) => (code = error instanceof PinyonError ? error.code : ''),
    )
    if (!weather.wasDown(mark) && !weather.wasFaulty(mark))
      judge.expect('the index changes as a whole', code === 'CONFIG_INVALID', () => `taken up:\n${broken}`)
    this.#replaceFile(text)
    return await this.#write('POST', 'reload')
  }

  /** The program's own commands, as people run them. */
  async #command(): Promise<string> {
    const { farm, judge, random, weather } = this.#desk
    const mark = weather.mark('plain')
    const args = random.pick([
      ['status', '--json'],
      ['generations'],
      ['usage'],
      ['gc', '--dry-run'],
      ['views'],
      ['check-config'],
    ])
    const { code, stderr } = await runCommand(process.execPath, [MAIN, ...args, '--config', farm.configFile])
    if (!weather.wasDown(mark) && !weather.wasFaulty(mark))
      judge.expect(
        'the server lives, and answers who looks after it',
        code === 0 || (code === TROUBLE_TOLD && stderr === ''),
        () => `pinyon ${args.join(' ')} ended with ${code}: ${stderr}`,
      )
    return args.join(' ')
  }

  /** The past stays as it was, in every format, and nothing of it is lost. */
  async #lookAtGenerations(): Promise<string> {
    const { farm, judge, random, weather } = this.#desk
    const mark = weather.mark('plain')
    const ask = async (path: string) => await httpGet(farm.url + path)
    const newest = await ask('/api/v1/generations?limit=1')
    if (newest.status !== 200) return 'in trouble'
    const { generations } = JSON.parse(newest.body.toString()) as { generations: { generation: number }[] }
    const highest = generations[0]?.generation ?? 0
    const isLost = highest < this.#highest
    judge.expect(
      'a failed sync changes nothing, a crash loses nothing',
      !isLost,
      () => `${this.#highest} became ${highest}`,
    )
    this.#highest = highest
    if (highest === 0) return 'none'
    const number = 1 + random.below(highest)
    const replies = await Promise.all(
      INDEX_FORMATS.map((format) => ask(`/repos/generations/${number}/all_latest.${format}`)),
    )
    if (weather.wasDown(mark) || weather.wasFaulty(mark)) return 'in trouble'
    const texts = replies.map(({ body }) => body.toString())
    const json = JSON.parse(texts[INDEX_FORMATS.indexOf('json')] ?? '{}') as {
      latest_ci_repos: Record<string, string>
    }
    const urls = Object.values(json.latest_ci_repos)
    const promise = 'the index changes as a whole'
    for (const text of texts)
      judge.expect(
        promise,
        urls.every((url) => text.includes(url)),
        () => `the formats of generation ${number} differ:\n${texts.join('\n')}`,
      )
    const all = texts.join('\n')
    judge.expect(
      promise,
      (this.#generations.get(number) ?? all) === all,
      () => `generation ${number} changed`,
    )
    this.#generations.set(number, all)
    return `${number} of ${highest}`
  }

  /** Twenty clients want one cold package at once, where nothing is wrong. */
  async #stampede(): Promise<string> {
    const { farm, judge, random, repositories, weather } = this.#desk
    const mirror = random.pick(NAMES)
    const mark = weather.mark(mirror)
    if (weather.stormy.has(mirror) || !(await this.#isWell(mirror))) return 'no weather for it'
    await this.sync(mirror)
    const base = `${farm.url}/repos/yum/${mirror}/latest`
    const tree = repositories.newest(mirror)
    const [path] = random.pick([...tree.packages])
    const before = repositories.sources[mirror].reduce((sum, source) => sum + source.count(path), 0)
    const replies = await Promise.all(Array.from({ length: 20 }, () => httpGet(`${base}/${path}`)))
    const asked = repositories.sources[mirror].reduce((sum, source) => sum + source.count(path), 0) - before
    if (weather.wasDown(mark) || weather.wasFaulty(mark) || !(await this.#isWell(mirror)))
      return 'no weather for it'
    // What the full cache cannot keep is passed through, and what is evicted in between is fetched again.
    const isStored =
      replies.every(({ headers }) => headers['x-cache'] !== 'bypass') && farm.settings.maxSize !== '6MiB'
    if (isStored) judge.expect('one fill', asked <= 1, () => `${asked} transfers of ${path}`)
    return `${asked} transfers of ${mirror}/${path}`
  }

  /** Whether no source of a mirror is set aside. */
  async #isWell(mirror: MirrorName): Promise<boolean> {
    const { body } = await httpGet(`${this.#desk.farm.url}/api/v1/mirrors/${mirror}`)
    const { sources = [] } = JSON.parse(body.toString()) as { sources?: { state: string }[] }
    return sources.every(({ state }) => state === 'ok')
  }

  #replaceFile(text: string): void {
    const { configFile } = this.#desk.farm
    writeFileSync(`${configFile}.new`, text)
    renameSync(`${configFile}.new`, configFile)
  }

  async #write(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<string> {
    const write = body === undefined ? { method, path } : { method, path, body }
    await this.#desk.farm.admin((server) => server.write(write))
    return `${path} ${JSON.stringify(body ?? {})}`
  }

  /** Posts, and reads the lines of the answer to their end. */
  async #drain(path: string, body: object): Promise<string> {
    let last: unknown
    const post = async (server: ServerConnection) => {
      for await (const line of server.post<unknown>(path, body)) last = line
    }
    await this.#desk.farm.admin(post)
    return `${path}: ${JSON.stringify(last).slice(0, 150)}`
  }
}
