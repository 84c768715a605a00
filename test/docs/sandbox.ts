import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { App } from '../../src/app/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createSilentLogger } from '../../src/system/logger.ts'
import { MAIN } from '../cli/pinyon.ts'
import { freePort } from '../support/daemon.ts'
import { OldMirrorTree } from '../support/old-tree.ts'
import { RepositoryTree } from '../support/repository.ts'
import { buildRpms } from '../support/rpm.ts'
import { runCommand, type CommandResult } from '../support/run-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { findTool } from '../support/tools.ts'
import { ROOT } from './blocks.ts'

/** When the snapshots that documents speak of were published: `2026-11-01-02-13` … */
const PUBLISHED = [Date.UTC(2026, 10, 1, 2, 13), Date.UTC(2026, 10, 22, 2, 13), Date.UTC(2026, 10, 24, 2, 13)]

/** What stands in documents for the server. */
const SERVERS =
  /http:\/\/(?:127\.0\.0\.1:8080|pinyon(?=\/)|mirrors\.example\.org)|https:\/\/mirrors\.example\.org(?=\/api\/)/g
/** Absolute paths of the machine, but not those of URLs. */
const MACHINE_PATHS = /(^|[\s'"@=<>])(\/(?:etc|srv|tmp|var)\/)/gm

/** A machine of its own for the commands of documents: a running server, its checkout, and what a slave has in /etc. */
export interface Sandbox {
  readonly dir: string
  /** Puts back what commands may have changed. */
  readonly reset: () => Promise<void>
  /** Runs commands in order, in one shell that ends with the first that fails. */
  readonly run: (text: string) => Promise<CommandResult>
}

/** Starts it: the sample mirror and `epel-el9`, of which three states were published, on a free port. */
export async function startSandbox(t: TestContext): Promise<Sandbox> {
  const dir = tempDir(t)
  const configFile = join(dir, 'config/pinyon.yaml')
  mkdirSync(join(dir, 'config'))
  cpSync(join(ROOT, 'config/sample'), join(dir, 'config/sample'), { recursive: true })
  mkdirSync(join(dir, 'secrets'))
  writeFileSync(join(dir, 'secrets/ci-token'), 'f'.repeat(64), { mode: 0o600 })
  // A port that is written down, as an operator's is.
  const port = await freePort()
  writeConfig(configFile, port)
  let nowMs = PUBLISHED[0] ?? 0
  const load = () => loadConfig(configFile, {})
  const app = await App.open({
    config: load(),
    log: createSilentLogger(),
    loadConfig: load,
    now: () => nowMs,
  })
  t.after(() => app.close())
  const url = `http://127.0.0.1:${await app.listen()}`
  await app.sync('sample')
  const upstream = new RepositoryTree(join(dir, 'upstream'))
  const [first = '', second = '', third = ''] = await buildRpms(
    ['5.1', '5.2', '5.3'].map((version) => ({ name: 'podman', version })),
    join(dir, 'rpms'),
  )
  const changes = [
    () => upstream.add(first),
    () => upstream.add(second),
    () => upstream.add(third).remove('podman-5.1-1.noarch.rpm'),
  ]
  for (const [index, change] of changes.entries()) {
    nowMs = PUBLISHED[index] ?? 0
    change()
    await upstream.publish()
    await app.sync('epel-el9')
  }
  writeTools(join(dir, 'bin'), dir)
  return {
    dir,
    reset: async () => {
      writeMachine(dir)
      writeConfig(configFile, port)
      await app.reload()
    },
    run: async (text) =>
      await runCommand('sh', ['-exc', adapt(text, url, dir)], {
        cwd: dir,
        env: { HOME: dir, PATH: `${join(dir, 'bin')}:${process.env['PATH']}`, PINYON_LOG: 'silent' },
      }),
  }
}

function adapt(text: string, url: string, dir: string): string {
  return text.replaceAll(SERVERS, url).replaceAll(MACHINE_PATHS, `$1${dir}$2`)
}

function writeConfig(file: string, port: number): void {
  writeFileSync(
    file,
    `listen: 127.0.0.1:${port}
data_dir: ../data
sync_interval: off
retention: { max_age: 60d }
tokens: { ci: { file: ../secrets/ci-token } }

mirrors:
  # The name is the yum repo id that clients match on.
  sample:
    baseurl: file:sample/
  epel-el9:
    baseurl: file:../upstream/
`,
  )
}

const SECTION = `[epel-el9]
name=Extra Packages
metalink=https://mirrors.example.org/metalink?repo=epel-9&arch=x86_64
enabled=1
`

/** What a slave, and an older mirror server, have. */
function writeMachine(dir: string): void {
  const old = new OldMirrorTree(join(dir, 'var/www/html/repos/yum'), 'epel-el9')
  old.publishSynthetic('2026-10-01-02-13', { packages: [{ name: 'podman', version: '5.0' }] })
  const files = {
    'etc/yum.conf': '[main]\ngpgcheck=1\n',
    'etc/yum.repos.d/x.repo': SECTION.replaceAll('epel-el9', 'sample'),
    'etc/yum.repos.d/epel.repo': SECTION,
    'etc/mock/templates/el9.tpl': `config_opts['dnf.conf'] = """\n[main]\n${SECTION}"""\n`,
    'srv/job/check.repos': 'epel-el9,https://mirrors.example.org/epel/9/\n',
    // A path that is looked for below another root.
    [join('srv/image', dir, 'etc/yum.repos.d/x.repo')]: SECTION,
  }
  for (const [path, text] of Object.entries(files)) {
    const file = join(dir, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, text)
  }
}

/** `npm run -s pinyon --` without npm's own half second, and a dnf that installs into a root of the sandbox. */
function writeTools(bin: string, dir: string): void {
  mkdirSync(bin)
  for (const name of ['root', 'cache', 'log', 'persist', 'tmp', 'vars']) mkdirSync(join(dir, name))
  // Debian's rpm would take a directory below the caller's home.
  writeFileSync(join(dir, '.rpmmacros'), '%_dbpath /var/lib/rpm\n')
  // That there is nothing to show, as after a start, is no failure here.
  const node = `'${process.execPath}' '${MAIN}' "$@" || { code=$?; [ $code -eq 3 ] || exit $code; }`
  const dnfOptions = [
    `--config=${dir}/etc/yum.conf`,
    `--installroot=${dir}/root`,
    '--releasever=9',
    '--forcearch=x86_64',
    '--disableplugin=*',
    '--nogpgcheck',
    ...['reposdir=etc/yum.repos.d', 'cachedir=cache', 'logdir=log', 'persistdir=persist', 'varsdir=vars'].map(
      (setting) => `--setopt=${setting.replace('=', `=${dir}/`)}`,
    ),
    '--setopt=module_platform_id=platform:el9',
  ]
  const tools = {
    npm: `case "$*" in "run -s pinyon -- "*) shift 4; ${node} ;; *) echo "no such script here: $*" >&2; exit 2 ;; esac`,
    pinyon: node,
    dnf: `exec '${findTool('dnf') ?? 'dnf'}' ${dnfOptions.map((option) => `'${option}'`).join(' ')} "$@"`,
  }
  for (const [name, text] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
}
