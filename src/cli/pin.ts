import { createLayout } from '../cache/layout.ts'
import { removePin, setPin } from '../config/edit.ts'
import { loadConfig } from '../config/load.ts'
import { editConfigFile } from '../config/write.ts'
import { PinyonError } from '../model/errors.ts'
import { nearestNames } from '../model/snapshot-name.ts'
import type { SnapshotView } from '../proxy/api-mirrors.ts'
import { publishFile } from '../system/publish.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import { ServerConnection } from './server-connection.ts'

/** Options of the commands that pin. */
export interface PinOptions extends Options {
  /** Becomes the comment beside the pin. */
  readonly why?: string
}

/** Pins a mirror to a snapshot in the configuration file, and waits until the running server has taken it up. */
export async function pinMirror(mirror: string, snapshot: string, options: PinOptions): Promise<ExitCode> {
  const names = (await readSnapshots(mirror, options)).map(({ name }) => name)
  if (!names.includes(snapshot)) {
    const known =
      names.length === 0 ? 'it has none' : `the nearest are ${nearestNames(snapshot, names).join(', ')}`
    throw new PinyonError('PIN_UNKNOWN', `${mirror} has no snapshot ${snapshot}: ${known}`)
  }
  return await changeConfig(
    options,
    (text) => setPin(text, mirror, snapshot, options.why),
    `${mirror}: pinned to ${snapshot}`,
  )
}

/** Takes a mirror's pin away; exits 3 when it has none. */
export async function unpinMirror(mirror: string, options: Options): Promise<ExitCode> {
  const config = loadConfig(options.config, process.env)
  const settings = config.mirrors.get(mirror)
  if (settings === undefined)
    throw new PinyonError('NOT_FOUND', `no such mirror in ${config.file}: ${mirror}`)
  if (settings.pin === undefined) {
    process.stderr.write(`${mirror} is not pinned\n`)
    return EXIT.nothing
  }
  return await changeConfig(options, (text) => removePin(text, mirror), `${mirror}: no longer pinned`)
}

/** Pins a mirror to the snapshot before its current one; exits 3 when there is none. */
export async function rollBackMirror(mirror: string, options: PinOptions): Promise<ExitCode> {
  const snapshots = await readSnapshots(mirror, options)
  const current = snapshots.findIndex((snapshot) => snapshot.current)
  const before = current < 0 ? undefined : snapshots[current + 1]
  if (before === undefined) {
    process.stderr.write(`${mirror} has no snapshot before its current one\n`)
    return EXIT.nothing
  }
  return await pinMirror(mirror, before.name, options)
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
  const source = await openMirrorSource(options.config)
  try {
    const path = `generations/${encodeURIComponent(generation)}`
    const { current } = await source.get<{ current: Readonly<Record<string, string>> }>(path)
    const { mirrors } = loadConfig(options.config, process.env)
    const pins = Object.entries(current).filter(([mirror]) => mirrors.has(mirror))
    for (const [mirror, snapshot] of pins) process.stdout.write(`${mirror}: pin: ${snapshot}\n`)
    if (pins.length === 0) process.stderr.write(`no configured mirror was in generation ${generation}\n`)
    if (pins.length === 0) return EXIT.nothing
    if (options.dryRun === true) return EXIT.done
    const { why = `generation ${generation}` } = options
    const edit = (text: string) =>
      pins.reduce((edited, [mirror, name]) => setPin(edited, mirror, name, why), text)
    return await changeConfig(options, edit, `the farm is back at generation ${generation}`)
  } finally {
    await source.close()
  }
}

/** Newest first. */
async function readSnapshots(mirror: string, options: Options): Promise<readonly SnapshotView[]> {
  const source = await openMirrorSource(options.config)
  try {
    const path = `mirrors/${encodeURIComponent(mirror)}/snapshots`
    return (await source.get<{ snapshots: SnapshotView[] }>(path)).snapshots
  } finally {
    await source.close()
  }
}

async function changeConfig(
  options: Options,
  edit: (text: string) => string,
  done: string,
): Promise<ExitCode> {
  const { file, dataDir } = loadConfig(options.config, process.env)
  await editConfigFile(file, edit, publishFile)
  const server = await ServerConnection.open(createLayout(dataDir).adminSocket)
  try {
    for await (const _ of server?.post('/api/v1/reload') ?? []);
    process.stdout.write(server === undefined ? `${done}, from the server's next start on\n` : `${done}\n`)
    return EXIT.done
  } catch (error) {
    const { message } = error as Error
    throw new PinyonError('CONFIG_INVALID', `${file} is changed, but the server refuses it: ${message}`, {
      cause: error,
    })
  } finally {
    await server?.close()
  }
}
