import { removePin, setPin } from '../config/edit.ts'
import { LEAVING_IDENTITIES, loadConfig } from '../config/load.ts'
import type { FarmChange, MirrorChange } from '../http/write-actions.ts'
import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { SnapshotView } from '../proxy/api-mirrors.ts'
import { refuseGone } from '../snapshot/refuse-gone.ts'
import { changeConfig, type EditHere } from './change-config.ts'
import type { ExitCode, Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'

/** Options of the commands that pin. */
export interface PinOptions extends Options {
  /** Becomes the comment beside the pin. */
  readonly why?: string
}

/** Pins a mirror to a snapshot in the configuration file, and waits until the running server has taken it up. */
export async function pinMirror(mirror: string, snapshot: string, options: PinOptions): Promise<ExitCode> {
  return await changeConfig(options, {
    cause: 'pin',
    there: async (server) => {
      const body = { snapshot, why: options.why }
      await server.write<MirrorChange>({ method: 'PUT', path: pathOf(mirror, 'pin'), body })
      return describePin(mirror, snapshot)
    },
    here: async () => {
      const names = (await readSnapshots(mirror, options)).map(({ name }) => name)
      if (!names.includes(snapshot)) throw unknownPin(mirror, snapshot, names)
      return pinHere(mirror, snapshot, options)
    },
  })
}

/** Takes a mirror's pin away; exits 3 when it has none. */
export async function unpinMirror(mirror: string, options: Options): Promise<ExitCode> {
  const done = `${mirror}: no longer pinned`
  const nothing = new PinyonError('NOTHING_TO_DO', `${mirror} is not pinned`)
  return await changeConfig(options, {
    cause: 'unpin',
    there: async (server) => {
      const path = pathOf(mirror, 'pin')
      const { changed } = await server.write<MirrorChange>({ method: 'DELETE', path })
      if (!changed) throw nothing
      return done
    },
    here: async () => {
      const config = loadConfig(options.config, process.env, LEAVING_IDENTITIES)
      const settings = config.mirrors.get(mirror)
      if (settings === undefined) throw noSuchMirror(mirror, config.mirrors.keys(), config.file)
      if (settings.pin === undefined) throw nothing
      return { edit: (text) => removePin(text, mirror), done }
    },
  })
}

/** Pins a mirror to the snapshot before its current one; exits 3 when there is none. */
export async function rollBackMirror(mirror: string, options: PinOptions): Promise<ExitCode> {
  return await changeConfig(options, {
    cause: 'rollback',
    there: async (server) => {
      const path = pathOf(mirror, 'rollback')
      const body = { why: options.why }
      const { current } = await server.write<MirrorChange>({ method: 'POST', path, body })
      return describePin(mirror, current ?? '')
    },
    here: async () => {
      const snapshots = await readSnapshots(mirror, options)
      const current = snapshots.findIndex((snapshot) => snapshot.current)
      const before = current < 0 ? undefined : snapshots[current + 1]
      if (before === undefined)
        throw new PinyonError('NOTHING_TO_DO', `${mirror} has no snapshot before its current one`)
      return pinHere(mirror, before.name, options)
    },
  })
}

/** Options of `rollback --generation`. */
export interface FarmOptions extends PinOptions {
  readonly dryRun?: boolean
}

/**
 * Pins every configured mirror to the snapshot it had at a generation of the index; those that were not in it stay as they are.
 * `dryRun` only prints the pins. Exits 3 when no mirror was.
 */
export async function rollBackFarm(generation: string, options: FarmOptions): Promise<ExitCode> {
  const { dryRun = false, why } = options
  const done = dryRun ? '' : `the farm is back at generation ${generation}`
  const describe = (pins: Readonly<Record<string, string>>) =>
    [...Object.entries(pins).map(([mirror, name]) => `${mirror}: pin: ${name}`), done].join('\n').trimEnd()
  return await changeConfig(options, {
    cause: 'rollback',
    there: async (server) => {
      const body = { generation: Number(generation), dry_run: dryRun, why }
      return describe((await server.write<FarmChange>({ method: 'POST', path: 'rollback', body })).pins)
    },
    here: async () => {
      const pins = await readPins(generation, options)
      const comment = why ?? `generation ${generation}`
      const edit = (text: string) =>
        Object.entries(pins).reduce((edited, [mirror, name]) => setPin(edited, mirror, name, comment), text)
      return { edit: dryRun ? undefined : edit, done: describe(pins) }
    },
  })
}

function pinHere(mirror: string, snapshot: string, { why }: PinOptions): EditHere {
  return {
    edit: (text) => setPin(text, mirror, snapshot, why),
    done: describePin(mirror, snapshot),
  }
}

function describePin(mirror: string, snapshot: string): string {
  return `${mirror}: pinned to ${snapshot}`
}

function unknownPin(mirror: string, snapshot: string, names: readonly string[]): PinyonError {
  const known =
    names.length === 0 ? 'it has none' : `the nearest are ${nearestNames(snapshot, names).join(', ')}`
  return new PinyonError('PIN_UNKNOWN', `${mirror} has no snapshot ${snapshot}: ${known}`)
}

/** Snapshot by mirror, of those mirrors of a generation that are configured. */
async function readPins(generation: string, options: Options): Promise<Readonly<Record<string, string>>> {
  const source = await openMirrorSource(options)
  try {
    const { mirrors } = loadConfig(options.config, process.env, LEAVING_IDENTITIES)
    const path = `generations/${generation}`
    const { current } = await source.get<{ current: Readonly<Record<string, string>> }>(path)
    const pins = Object.entries(current).filter(([mirror]) => mirrors.has(mirror))
    if (pins.length === 0)
      throw new PinyonError('NOTHING_TO_DO', `no configured mirror was in generation ${generation}`)
    const namesOf = async (mirror: string) => (await readSnapshots(mirror, options)).map(({ name }) => name)
    await refuseGone(generation, pins, namesOf)
    return Object.fromEntries(pins)
  } finally {
    await source.close()
  }
}

/** Newest first. */
async function readSnapshots(mirror: string, options: Options): Promise<readonly SnapshotView[]> {
  const source = await openMirrorSource(options)
  try {
    return (await source.get<{ snapshots: SnapshotView[] }>(pathOf(mirror, 'snapshots'))).snapshots
  } finally {
    await source.close()
  }
}

function pathOf(mirror: string, name: string): string {
  return `mirrors/${encodeURIComponent(mirror)}/${name}`
}
