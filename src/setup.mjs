/**
 * Runs before every npm script, on whatever Node the machine has (18 or later): installs what package-lock.json asks for when it
 * is not there, and makes sure that a Node which can run TypeScript comes first on the script's PATH. Silent when all is well.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const LOCAL_NODE = join(ROOT, 'node_modules/.bin/node')
const NEEDED_MAJOR = 24

/** A lock this old was left behind, whatever process has its owner's id by now. */
const LOCK_EXPIRES_MS = 15 * 60_000
const LOCK_POLL_MS = 200

/** Tests need the development packages, which a production install leaves out, and so does what builds; running does not. */
const needsDevelopment = /^pre(?:test|pack|rpm|bench)/.test(process.env.npm_lifecycle_event ?? '')

// npm puts node_modules/.bin first on PATH: the Node that runs this file is the one that runs the script, unless it is too old.
if (findMissing() !== undefined || !isNewEnough(process.version)) setUp()

function setUp() {
  acquireLock()
  if (findMissing() !== undefined || (!hasRunnableNode() && isNodeOffered())) install()
  const missing = findMissing()
  if (missing !== undefined) fail(`npm ci did not install what package-lock.json asks for: ${missing}`)
  if (!hasRunnableNode()) {
    fail(
      `pinyon needs Node.js ${NEEDED_MAJOR} or later, this is ${process.version}, and the npm registry has none that ` +
        `runs on this ${process.platform}-${process.arch} machine: install one from https://nodejs.org`,
    )
  }
}

/** The first package that package-lock.json asks for and node_modules has not, or has in another version. */
function findMissing() {
  const wanted = readPackages('package-lock.json')
  const present = readPackages('node_modules/.package-lock.json')
  return Object.keys(wanted).find((path) => {
    const { version, integrity, dev, optional, devOptional } = wanted[path]
    if (path === '' || optional || devOptional || (dev && !needsDevelopment)) return false
    const found = present[path]
    if (found === undefined || found.version !== version || found.integrity !== integrity) return true
    return !existsSync(join(ROOT, path, 'package.json'))
  })
}

/** The `packages` of a lock file; npm writes the one inside node_modules when an install is complete. */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(join(ROOT, path), 'utf8')).packages
  } catch (error) {
    if (error.code === 'ENOENT') return {}
    throw error
  }
}

function install() {
  process.stderr.write('pinyon: installing dependencies with npm ci\n')
  const options = ['--ignore-scripts', '--include=dev', '--include=optional', '--prefer-offline']
  const quiet = ['--loglevel=error', '--no-audit', '--no-fund', '--no-progress']
  // Inside an npm script npm says where it is; PATH may hold another one, or none.
  const npm = process.env.npm_execpath ?? ''
  const [command, first] = npm.endsWith('npm-cli.js') ? [process.execPath, [npm]] : ['npm', []]
  const result = spawnSync(command, [...first, 'ci', ...options, ...quiet], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (result.error !== undefined) fail(`cannot run npm: ${result.error.message}`)
  if (result.status !== 0) {
    process.stderr.write(result.stdout)
    fail(`npm ci failed with status ${result.status}`)
  }
}

/** Whether `node` will be new enough. A Node from npm that cannot start here (another libc) would hide the system's: it goes. */
function hasRunnableNode() {
  if (existsSync(LOCAL_NODE)) {
    const { status, stdout } = spawnSync(LOCAL_NODE, ['--version'], { encoding: 'utf8' })
    if (status === 0) return isNewEnough(stdout)
    rmSync(LOCAL_NODE, { force: true })
  }
  return isNewEnough(process.version)
}

/** Whether package-lock.json has an optional package that brings a Node for this platform. */
function isNodeOffered() {
  return Object.values(readPackages('package-lock.json')).some(
    ({ bin, os, cpu }) =>
      bin?.node !== undefined && os?.includes(process.platform) && cpu?.includes(process.arch),
  )
}

function isNewEnough(version) {
  return Number(/^v(\d+)/.exec(version)?.[1]) >= NEEDED_MAJOR
}

/**
 * One set-up at a time for a checkout: `npm start` and `npm test` may begin together. Waits for the other's end; a lock whose
 * owner is gone is taken over. It is outside the checkout, which may be read-only, and outside node_modules, which npm deletes.
 */
function acquireLock() {
  const key = createHash('sha256').update(ROOT).digest('hex').slice(0, 16)
  const path = join(tmpdir(), `pinyon-setup-${process.getuid?.() ?? 0}-${key}.lock`)
  while (!tryLock(path)) {
    const owner = findAbandoned(path)
    if (owner === undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS)
    else discard(path, owner)
  }
  process.once('exit', () => rmSync(path, { force: true }))
}

function tryLock(path) {
  try {
    writeFileSync(path, `${process.pid}`, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') fail(`cannot lock the set-up: ${error.message}`)
    return false
  }
}

/** What the lock says, if its owner is gone or it is too old. */
function findAbandoned(path) {
  try {
    const owner = readFileSync(path, 'utf8')
    const expired = Date.now() - statSync(path).mtimeMs > LOCK_EXPIRES_MS
    return expired || (owner !== '' && !isAlive(Number(owner))) ? owner : undefined
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}

/** Of several that find a lock abandoned one renames it. Another may have locked anew in between: that lock goes back. */
function discard(path, owner) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (readFileSync(aside, 'utf8') === owner) rmSync(aside)
    else renameSync(aside, path)
  } catch (error) {
    if (error.code !== 'ENOENT') fail(`cannot remove an abandoned lock: ${error.message}`)
  }
}

function fail(message) {
  process.stderr.write(`pinyon: ${message}\n`)
  process.exit(1)
}
