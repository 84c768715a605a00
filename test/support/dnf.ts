import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun, runCommand, type CommandResult } from './run-command.ts'

export interface DnfRepository {
  readonly id: string
  readonly baseurl: string
  /** Further lines of its section, or other values for the usual ones: `{ gpgcheck: '1', gpgkey: 'file:///…' }`. */
  readonly extra?: Readonly<Record<string, string>>
}

export interface DnfOptions {
  readonly repos: readonly DnfRepository[]
  /** What dnf is to do: `['install', 'app']`, with any further `--setopt`. */
  readonly args: readonly string[]
  /** What `$releasever` and `$basearch` stand for; default 9 and x86_64. */
  readonly releasever?: string
  readonly arch?: string
  /** What dnf is put behind: `['nsenter', …]`. */
  readonly prefix?: readonly string[]
}

/** Inside the root. Debian's rpm would take a directory below the caller's home. */
const RPM_DATABASE = '/var/lib/rpm'

/**
 * Runs dnf with all of its state below `dir` (created as needed): root, cache, log, configuration. The same `dir` keeps its cache
 * from run to run. Nothing of the machine's own configuration is read, and of plugins `dnf download` alone is there.
 */
export async function dnf(dir: string, options: DnfOptions): Promise<CommandResult> {
  for (const name of ['repos.d', 'log', 'cache', 'persist', 'vars', 'root']) {
    mkdirSync(join(dir, name), { recursive: true })
  }
  writeFileSync(join(dir, 'repos.d/test.repo'), options.repos.map(formatSection).join('\n'))
  writeFileSync(join(dir, 'dnf.conf'), '[main]\n')
  writeFileSync(join(dir, '.rpmmacros'), `%_dbpath ${RPM_DATABASE}\n`)
  const settings = {
    reposdir: join(dir, 'repos.d'),
    cachedir: join(dir, 'cache'),
    logdir: join(dir, 'log'),
    persistdir: join(dir, 'persist'),
    varsdir: join(dir, 'vars'),
    module_platform_id: 'platform:el9',
    metadata_expire: 'never',
    retries: '1',
    timeout: '30',
  }
  const fixed = [
    '--assumeyes',
    `--config=${join(dir, 'dnf.conf')}`,
    `--installroot=${join(dir, 'root')}`,
    // Among the others, `local` keeps a copy of every package for later runs, outside `dir`.
    '--disableplugin=*',
    '--enableplugin=download',
    `--releasever=${options.releasever ?? '9'}`,
    `--forcearch=${options.arch ?? 'x86_64'}`,
    ...Object.entries(settings).map(([name, value]) => `--setopt=${name}=${value}`),
  ]
  const [command, ...args] = [...(options.prefix ?? []), 'dnf', ...fixed, ...options.args]
  return runCommand(command ?? 'dnf', args, { cwd: dir, env: { HOME: dir } })
}

/** A machine of its own: an empty root with its own cache and these repositories. */
export class DnfRoot {
  readonly dir: string
  readonly repos: readonly DnfRepository[]
  readonly #prefix: readonly string[]

  /** @param prefix what dnf is put behind */
  constructor(dir: string, repos: readonly DnfRepository[], prefix: readonly string[] = []) {
    this.dir = dir
    this.repos = repos
    this.#prefix = prefix
  }

  /** Runs any command of dnf here. */
  run(...args: readonly string[]): Promise<CommandResult> {
    return dnf(this.dir, { repos: this.repos, args, prefix: this.#prefix })
  }

  makecache(): Promise<CommandResult> {
    return this.run('makecache')
  }

  install(...packages: readonly string[]): Promise<CommandResult> {
    return this.run('install', ...packages)
  }

  /** Asks the repositories, quietly: a line of output for each package found. */
  repoquery(...args: readonly string[]): Promise<CommandResult> {
    return this.run('--quiet', 'repoquery', ...args)
  }

  /** Downloads packages without installing them; needs dnf-plugins-core. They are in `destination`, as named in the repository. */
  download(destination: string, ...packages: readonly string[]): Promise<CommandResult> {
    return this.run('download', `--destdir=${destination}`, ...packages)
  }

  /** `name-version-release.arch` of what is installed in the root, sorted. */
  async installed(): Promise<string[]> {
    const { stdout } = await mustRun('rpm', [
      `--root=${join(this.dir, 'root')}`,
      `--dbpath=${RPM_DATABASE}`,
      '--query',
      '--all',
    ])
    return stdout.split('\n').filter(Boolean).toSorted()
  }
}

function formatSection({ id, baseurl, extra }: DnfRepository): string {
  const values = { name: id, baseurl, enabled: '1', gpgcheck: '0', repo_gpgcheck: '0', ...extra }
  const lines = Object.entries(values).map(([key, value]) => `${key}=${value}\n`)
  return `[${id}]\n${lines.join('')}`
}
