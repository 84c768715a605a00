/**
 * Installs the Debian packages whose tools the tests use, or those of the list that it is given, where that is possible: as root,
 * with apt-get. Elsewhere it says which command would, and what needs them is left out. Silent when nothing is missing; never fails.
 * Runs on whatever Node the machine has (18 or later).
 */
import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Asked by invoke-rc.d before it starts a service; status 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d'

/** Debian puts servers where an ordinary user's PATH does not look, and its python3-* packages where another Python does not. */
const DIRECTORIES = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter(Boolean)
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'

const LIST = process.argv[2] ?? new URL('support/debian-packages.json', import.meta.url)

const missing = findMissing()
if (missing.length > 0) provide(missing)

/** Names of the Debian packages that are not there, judged by their commands and Python modules. */
function findMissing() {
  const packages = readList()
  const modules = findMissingModules(packages.flatMap(({ module }) => module ?? []))
  return packages
    .filter(({ commands, module }) => modules.includes(module) || commands?.some((name) => !hasCommand(name)))
    .map((entry) => entry.package)
}

function readList() {
  return JSON.parse(readFileSync(LIST, 'utf8'))
}

function hasCommand(name) {
  return DIRECTORIES.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function findMissingModules(modules) {
  const probe =
    'import sys, importlib.util as u; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None], sep="\\n")'
  const { status, stdout } = spawnSync(PYTHON, ['-c', probe, ...modules], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n') : modules
}

function provide(packages) {
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() !== 0 || !hasCommand('apt-get')) {
    say(`what needs ${packages.join(', ')} is left out; on Debian this installs them: sudo ${command}`)
    return
  }
  say(`installing: ${packages.join(' ')}`)
  const failure = install(packages)
  if (failure === undefined) return
  say(`what needs ${findMissing().join(', ')} is left out, as apt-get failed: ${failure}`)
}

/** Installs without starting, or leaving enabled, any service that comes along; gives what went wrong. */
function install(packages) {
  const ownPolicy = !existsSync(POLICY)
  const removePolicy = () => ownPolicy && rmSync(POLICY, { force: true })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))
  process.once('exit', removePolicy)
  try {
    if (ownPolicy) {
      writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
      chmodSync(POLICY, 0o755)
    }
    // Without a network the lists already there may do.
    apt('update')
    const failure = apt('install', '-y', '--no-install-recommends', ...packages)
    const services = readList().flatMap((entry) =>
      packages.includes(entry.package) ? (entry.services ?? []) : [],
    )
    if (services.length > 0 && hasCommand('systemctl')) {
      spawnSync('systemctl', ['--quiet', 'disable', ...services], { stdio: 'ignore' })
    }
    return failure
  } finally {
    removePolicy()
  }
}

function apt(...args) {
  const options = ['-qq', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0']
  const { status, error, stderr } = spawnSync('apt-get', [...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  if (status === 0) return undefined
  const errors = (stderr ?? '').split('\n').filter((line) => line.startsWith('E:'))
  return error?.message ?? errors.join(' ')
}

function say(message) {
  process.stderr.write(`pinyon: ${message}\n`)
}
