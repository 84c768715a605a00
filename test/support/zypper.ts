import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { mustRun, runCommand, type CommandResult } from './run-command.ts'

/** A repository of zypper's. */
export interface ZypperRepository {
  readonly id: string
  readonly baseurl: string
  /** Further lines of its section, or other values for the usual ones. */
  readonly extra?: Readonly<Record<string, string>>
}

/** A machine of its own: an empty root, whose packages zypper manages, with its own cache and these repositories. */
export class ZypperRoot {
  readonly dir: string
  readonly repositories: readonly ZypperRepository[]

  constructor(dir: string, repositories: readonly ZypperRepository[]) {
    this.dir = dir
    this.repositories = repositories
  }

  get #root(): string {
    return join(this.dir, 'root')
  }

  /** Debian's rpm has its database below the caller's home, in the root. */
  get #environment(): { HOME: string } {
    return { HOME: this.dir }
  }

  /** Runs zypper here, and asks nobody anything; nothing of the machine's own configuration is read. */
  async run(...args: readonly string[]): Promise<CommandResult> {
    for (const name of ['root', 'repos.d', 'cache']) mkdirSync(join(this.dir, name), { recursive: true })
    writeFileSync(join(this.dir, 'repos.d/test.repo'), this.repositories.map(formatSection).join('\n'))
    writeFileSync(join(this.dir, 'zypp.conf'), '')
    writeFileSync(join(this.dir, 'zypper.conf'), '')
    const fixed = [
      '--non-interactive',
      `--config=${join(this.dir, 'zypper.conf')}`,
      `--root=${this.#root}`,
      `--reposd-dir=${join(this.dir, 'repos.d')}`,
      `--cache-dir=${join(this.dir, 'cache')}`,
    ]
    const env = { ...this.#environment, ZYPP_CONF: join(this.dir, 'zypp.conf') }
    return await runCommand('zypper', [...fixed, ...args], { cwd: this.dir, env })
  }

  /** `name-version-release.arch` of what is installed in the root, sorted, without the keys that are trusted. */
  async installed(): Promise<string[]> {
    const args = [`--root=${this.#root}`, '--query', '--all']
    const { stdout } = await mustRun('rpm', args, { env: this.#environment })
    const names = stdout.split('\n').filter((name) => name !== '' && !name.startsWith('gpg-pubkey-'))
    return names.toSorted()
  }
}

function formatSection({ id, baseurl, extra }: ZypperRepository): string {
  const values = { name: id, baseurl, enabled: '1', autorefresh: '1', gpgcheck: '0', ...extra }
  const lines = Object.entries(values).map(([key, value]) => `${key}=${value}\n`)
  return `[${id}]\n${lines.join('')}`
}
