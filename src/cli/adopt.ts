import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { DiskBlobStore } from '../cache/disk-blob-store.ts'
import { createLayout, temporaryPath, type Layout } from '../cache/layout.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { PinyonError } from '../model/errors.ts'
import { noSuchMirror } from '../model/no-such-mirror.ts'
import { adoptMirror } from '../snapshot/adopt/adopt.ts'
import type { AdoptContext, AdoptProgress } from '../snapshot/adopt/adopt-group.ts'
import type { DiskRoom } from '../snapshot/adopt/adopt-packages.ts'
import { Tree, type TreeMirror } from '../snapshot/adopt/adopt-tree.ts'
import { SqliteSnapshotStore } from '../snapshot/sqlite-snapshot-store.ts'
import { Claims, type Claim } from '../system/claims.ts'
import { formatReport, toReportView } from './adopt-report.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { ProgressDisplay, type ShownProgress } from './progress.ts'
import { refuseOtherUser } from './refuse-other-user.ts'
import { formatJson, toPrintable } from './table.ts'
import { userName } from './user-name.ts'

/** How long a collection that runs is waited for, and how often it is asked after, in milliseconds. */
const GC_WAIT_MS = 60_000
const GC_POLL_MS = 100

/** Options of `adopt`. */
export interface AdoptOptions extends Options {
  readonly dryRun?: boolean
  /** False for `--no-packages`. */
  readonly packages: boolean
}

/**
 * Adopts mirrors of a tree one after the other, beside a running server or without one. Exits 1 when a snapshot was refused, or a package
 * left out because it is wrong; 3 when there is nothing to adopt.
 */
export async function adoptTree(
  directory: string,
  names: readonly string[],
  options: AdoptOptions,
): Promise<ExitCode> {
  const config = loadConfig(options.config, process.env)
  const tree = await Tree.open(directory)
  const mirrors = selectMirrors(await tree.mirrors(), names, tree.root)
  if (mirrors.length === 0) {
    process.stderr.write(`no mirror is in ${toPrintable(tree.root)}: no directory has a base or dated ones\n`)
    return EXIT.nothing
  }
  const site = options.dryRun === true ? await openTrial(config) : await openSite(config)
  try {
    return await adoptAll(tree, mirrors, { config, site, options })
  } finally {
    await site.close()
  }
}

function selectMirrors(
  found: readonly TreeMirror[],
  names: readonly string[],
  root: string,
): readonly TreeMirror[] {
  const unknown = names.find((name) => !found.some((mirror) => mirror.name === name))
  if (unknown !== undefined)
    throw noSuchMirror(
      unknown,
      found.map(({ name }) => name),
      root,
    )
  return names.length === 0 ? found : found.filter(({ name }) => names.includes(name))
}

/** What mirrors are adopted into. */
interface Site extends Pick<AdoptContext, 'store' | 'blobs' | 'trialBlobs' | 'claims' | 'room'> {
  close(): Promise<void>
}

async function openSite({ dataDir }: Config): Promise<Site> {
  const layout = createLayout(dataDir)
  refuseOtherUser(dataDir)
  await mkdir(dataDir, { recursive: true })
  const claims = new Claims(layout.claims)
  const collecting = await pauseCollections(claims)
  const store = new SqliteSnapshotStore(layout.database, createScratchPaths(layout, claims.processId))
  const blobs = await DiskBlobStore.open(layout, claims, { ledger: store.ledger })
  const close = async () => {
    collecting.release()
    await store.close()
    claims.close()
  }
  const room = async () => {
    const { bsize, bavail, blocks } = await statfs(dataDir)
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks }
  }
  return { store, blobs, claims, room, close }
}

/** Nothing lists what is copied until all of it is: a collection would take it for left over. */
async function pauseCollections(claims: Claims): Promise<Claim> {
  for (let waitedMs = 0; ; waitedMs += GC_POLL_MS) {
    const claim = claims.tryClaim('gc')
    if (claim !== undefined) return claim
    if (waitedMs >= GC_WAIT_MS)
      throw new PinyonError('GC_RUNNING', 'another process is collecting, or adopting')
    await sleep(GC_POLL_MS)
  }
}

/** A site that only reads the real one; what has to be written goes into a directory of its own. */
async function openTrial({ dataDir }: Config): Promise<Site> {
  const layout = createLayout(dataDir)
  const directory = await mkdtemp(join(tmpdir(), 'pinyon-adopt-'))
  const trial = createLayout(directory)
  const claims = new Claims(trial.claims)
  const trialBlobs = await DiskBlobStore.open(trial, claims)
  const database = existsSync(layout.database) ? layout.database : trial.database
  const store = new SqliteSnapshotStore(database, createScratchPaths(trial, claims.processId))
  const blobs = new DiskBlobStore(layout, claims)
  const close = async () => {
    await store.close()
    claims.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { store, blobs, trialBlobs, claims, room: unlimited, close }
}

/** A trial copies nothing. */
async function unlimited(): Promise<DiskRoom> {
  return { freeBytes: Infinity, totalBytes: Infinity }
}

function createScratchPaths(layout: Layout, processId: string): () => string {
  let serial = 0
  return () => temporaryPath(layout, processId, 'adopt', (serial += 1))
}

interface Run {
  readonly config: Config
  readonly site: Site
  readonly options: AdoptOptions
}

async function adoptAll(
  tree: Tree,
  mirrors: readonly TreeMirror[],
  { config, site, options }: Run,
): Promise<ExitCode> {
  const display = new ProgressDisplay(process.stderr)
  const codes: ExitCode[] = []
  for (const mirror of mirrors) {
    const settings = config.mirrors.get(mirror.name)
    const configured = settings !== undefined
    const report = await adoptMirror({
      ...site,
      tree,
      mirror,
      configured,
      packages: options.packages,
      now: Date.now,
      actor: `user ${userName()}`,
      signal: new AbortController().signal,
      onProgress: (progress) => display.show(mirror.name, toShown(progress)),
    })
    display.end(mirror.name)
    const dryRun = options.dryRun === true
    const facts = { report, configured, configFile: config.file, pin: settings?.pin, dryRun }
    process.stdout.write(options.json === true ? `${formatJson(toReportView(facts))}\n` : formatReport(facts))
    const { adopted, present, refused, packages, error } = report
    if (error !== undefined || refused.length > 0 || packages.wrong > 0) codes.push(EXIT.failed)
    else if (adopted.length + present.length > 0) codes.push(EXIT.done)
  }
  if (codes.includes(EXIT.failed)) return EXIT.failed
  return codes.length === 0 ? EXIT.nothing : EXIT.done
}

function toShown({ step, done, total, bytes }: AdoptProgress): ShownProgress {
  const shown = { filesDone: done, filesTotal: total, bytes, packages: 0 }
  return step === 'waiting' ? { ...shown, step } : { ...shown, step: 'files', noun: step }
}
