import type { Config } from '../config/config.ts'
import { removeMirror, removePin, setPin } from '../config/edit.ts'
import type {
  FarmChange,
  FarmRequest,
  MirrorChange,
  PinEdit,
  PinRequest,
  Removal,
  RemovalRequest,
} from '../http/write-actions.ts'
import { unifiedDiff } from '../inject/unified-diff.ts'
import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import { refuseGone } from '../snapshot/refuse-gone.ts'
import { refuseUsed } from '../snapshot/gc/removal.ts'
import type { ChangeOrigin, MirrorState, Snapshot, SnapshotStore } from '../snapshot/store.ts'
import type { ConfigFile } from './config-file.ts'
import { configName } from './config-name.ts'
import { refuseStalePin } from './refuse-stale-pin.ts'
import type { RunningConfig } from './running-config.ts'

/** How often a change begins anew because somebody else changes the file meanwhile. */
const TRIES = 5

/** What {@link ConfigChanges} are made with. */
export interface ConfigChangesOptions {
  readonly running: RunningConfig
  /** Undefined for a server without one. */
  readonly file: ConfigFile | undefined
  readonly store: SnapshotStore
  readonly now: () => number
  /** How long the data of a removed mirror stay, in milliseconds. */
  readonly removalGraceMs: () => number
  /** Enters who used what until now. */
  readonly flushUsage: () => Promise<void>
}

/** An edit of the file's text, decided on with what it says. */
type Plan = (config: Config) => Promise<(text: string) => string>

/**
 * Changes that commands make to the configuration file: each edits it and takes it up in one, so that the generation which that begins
 * is theirs alone. What others have saved meanwhile is taken up before, as theirs.
 */
export class ConfigChanges {
  readonly #options: ConfigChangesOptions

  constructor(options: ConfigChangesOptions) {
    this.#options = options
  }

  /** Pins a mirror. @throws PinyonError NOT_FOUND, PIN_UNKNOWN, and as {@link ConfigChanges.remove} about the file */
  async pin(mirror: string, request: PinRequest, actor: string): Promise<MirrorChange> {
    return await this.#changePin(mirror, request, { cause: 'pin', actor }, async () => {
      const { snapshot, why } = request
      refuseUnknown(mirror, snapshot, await this.#options.store.snapshots(mirror))
      return (text) => setPin(text, mirror, snapshot, why)
    })
  }

  /** Takes a mirror's pin away. */
  async unpin(mirror: string, request: PinEdit, actor: string): Promise<MirrorChange> {
    const plan: Plan = async () => (text) => removePin(text, mirror)
    return await this.#changePin(mirror, request, { cause: 'unpin', actor }, plan)
  }

  /** Pins a mirror to the snapshot before its current one. @throws PinyonError NOTHING_TO_DO when there is none */
  async rollBackMirror(
    mirror: string,
    request: PinEdit & Pick<PinRequest, 'why'>,
    actor: string,
  ): Promise<MirrorChange> {
    return await this.#changePin(mirror, request, { cause: 'rollback', actor }, async () => {
      const { current } = await this.#state(mirror)
      const snapshots = await this.#options.store.snapshots(mirror)
      const before = current && snapshots.find(({ seq }) => seq < current.seq)
      if (before === undefined)
        throw new PinyonError('NOTHING_TO_DO', `${mirror} has no snapshot before its current one`)
      return (text) => setPin(text, mirror, before.name, request.why)
    })
  }

  /** Pins every configured mirror that was in a generation to what it was then. @throws PinyonError NOT_FOUND, NOTHING_TO_DO, PIN_UNKNOWN when one of those is gone */
  async rollBackFarm(request: FarmRequest, actor: string): Promise<FarmChange> {
    const { generation, dryRun, why = `generation ${generation}` } = request
    const { store, running } = this.#options
    const index = await store.history.indexAt(generation)
    if (index === undefined) throw new PinyonError('NOT_FOUND', `there is no generation: ${generation}`)
    const namesOf = async (mirror: string) => (await store.snapshots(mirror)).map(({ name }) => name)
    let pins: readonly (readonly [string, string])[] = []
    const plan: Plan = async (config) => {
      pins = [...index.current].flatMap(([mirror, { name }]) =>
        config.mirrors.has(mirror) ? [[mirror, name] as const] : [],
      )
      if (pins.length === 0)
        throw new PinyonError('NOTHING_TO_DO', `no configured mirror was in generation ${generation}`)
      await refuseGone(generation, pins, namesOf)
      return (text) => pins.reduce((edited, [mirror, name]) => setPin(edited, mirror, name, why), text)
    }
    let changed = false
    if (dryRun) await plan(running.current)
    else changed = await this.#change({ cause: 'rollback', actor }, plan)
    const { generation: now } = await store.index()
    return { pins: Object.fromEntries(pins), changed, generation: now }
  }

  /**
   * Takes a mirror out of the configuration, and so out of the index; its data stay for the time of grace.
   * @throws PinyonError NOT_FOUND, MIRROR_IN_USE; CONFIG_INVALID when the file is refused or cannot be edited without changing more,
   * CONFIG_READONLY when this server may not change it
   */
  async remove(mirror: string, { force, dryRun }: RemovalRequest, actor: string): Promise<Removal> {
    const { running, store, now, removalGraceMs, flushUsage } = this.#options
    const plan: Plan = async (config) => {
      findMirror(config, mirror)
      await flushUsage()
      if (!force) await refuseUsed(mirror, store.mirrorUse, now())
      return (text) => removeMirror(text, mirror)
    }
    if (dryRun) await plan(running.current)
    else await this.#change({ cause: 'remove', actor }, plan)
    const state = (await store.mirrors()).find(({ name }) => name === mirror)
    const until = new Date((state?.removedAt ?? now()) + removalGraceMs()).toISOString()
    const hasData = state !== undefined && state.snapshotCount > 0
    const { generation } = await store.index()
    return { mirror, removed: !dryRun, served_until: hasData ? until : null, generation }
  }

  /** Changes a mirror's pin, or tells how. @throws PinyonError NOT_FOUND, PRECONDITION_FAILED when it is not what If-Match names */
  async #changePin(
    mirror: string,
    { dryRun, ifMatch }: PinEdit,
    origin: ChangeOrigin,
    plan: Plan,
  ): Promise<MirrorChange> {
    const checked: Plan = async (config) => {
      findMirror(config, mirror)
      if (ifMatch !== undefined)
        await refuseStalePin(ifMatch, await this.#state(mirror), this.#options.store.history)
      return await plan(config)
    }
    if (!dryRun) return await this.#describe(mirror, await this.#change(origin, checked))
    const patch = await this.#preview(checked)
    return { ...(await this.#describe(mirror, patch !== '')), patch }
  }

  /** What an edit of the file would change. What others have saved meanwhile is not taken up for that. */
  async #preview(plan: Plan): Promise<string> {
    const { running, file } = this.#options
    if (file === undefined) throw noFile()
    return await running.exclusively(async () => {
      const before = await file.read()
      const name = configName(running.current.file)
      const after = (await plan(running.current))(before)
      return unifiedDiff(Buffer.from(before), Buffer.from(after), { from: `a/${name}`, to: `b/${name}` })
    })
  }

  /** Edits the file and takes it up; false when the edit leaves it as it is. What is refused is put back. */
  async #change(origin: ChangeOrigin, plan: Plan): Promise<boolean> {
    const { running, file } = this.#options
    if (file === undefined) throw noFile()
    return await running.exclusively(async () => {
      for (let tries = 0; tries < TRIES; tries += 1) {
        const before = await file.read()
        // What others have saved is theirs, in a generation of its own.
        await running.take()
        const after = (await plan(running.current))(before)
        if (after === before) return false
        if (await file.replace(before, after)) return await this.#takeOrRestore(file, origin, before, after)
      }
      throw new PinyonError('STORE_FAILED', `the configuration file does not stay still, tries: ${TRIES}`)
    })
  }

  async #takeOrRestore(file: ConfigFile, origin: ChangeOrigin, before: string, after: string): Promise<true> {
    const { running } = this.#options
    try {
      await running.take({ origin, text: after, mayBeEmpty: origin.cause === 'remove' })
      return true
    } catch (error) {
      await file.replace(after, before)
      await running.take().catch(() => undefined)
      throw error
    }
  }

  async #describe(mirror: string, changed: boolean): Promise<MirrorChange> {
    const { current, pinned } = await this.#state(mirror)
    const { generation } = await this.#options.store.index()
    return { mirror, current: current?.name ?? null, pinned, changed, generation }
  }

  /** A mirror that never had a sync, or is disabled, may have no row. */
  async #state(mirror: string): Promise<Pick<MirrorState, 'name' | 'current' | 'pinned' | 'pinWhy'>> {
    const states = await this.#options.store.mirrors()
    const none = { name: mirror, current: undefined, pinned: false, pinWhy: undefined }
    return states.find(({ name }) => name === mirror) ?? none
  }
}

function noFile(): PinyonError {
  return new PinyonError('CONFIG_READONLY', 'this server was started without a configuration file')
}

function findMirror(config: Config, mirror: string): void {
  if (!config.mirrors.has(mirror)) throw noSuchMirror(mirror, config.mirrors.keys())
}

function refuseUnknown(mirror: string, snapshot: string, snapshots: readonly Snapshot[]): void {
  const names = snapshots.map(({ name }) => name)
  if (names.includes(snapshot)) return
  const known =
    names.length === 0 ? 'it has none' : `the nearest are ${nearestNames(snapshot, names).join(', ')}`
  throw new PinyonError('PIN_UNKNOWN', `${mirror} has no snapshot ${snapshot}: ${known}`)
}
