import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'

import { findTool } from '../../support/tools.ts'

/** The script under test, as it lies in the source tree. */
export const CLIENT = new URL('../../../src/inject/client.sh', import.meta.url).pathname

/** Where it is installed on a slave: jobs can change it there. */
export const INSTALLED = 'opt/pinyon/client.sh'

/** Where yum of EL7 keeps what it knows of the repository `m`. */
export const YUM_CACHE = 'var/cache/yum/x86_64/7/m'

const DNF_CONF = '[main]\ngpgcheck=1\ncachedir=/var/cache/yum/$basearch/$releasever\n'
const OLD = '[m]\nname=m\nmirrorlist=http://upstream.example/list\n# kept\nskip_if_unavailable=1\n'

/**
 * Fills a directory as the root of a slave whose configuration has everything that is hard to give back: symbolic links, relative and as
 * seen from inside the root, a file with two names, another owner and mode, extended attributes, spaces, and a warm cache of yum 3.
 */
export function writeSlave(root: string): void {
  write(root, 'etc/dnf/dnf.conf', DNF_CONF, 0o640)
  symlinkSync('dnf/dnf.conf', join(root, 'etc/yum.conf'))
  write(root, 'etc/yum.repos.d/m.repo', OLD)
  write(root, 'etc/yum.repos.d/other vendor.repo', '[vendor]\r\nbaseurl=http://vendor.example/\r\n', 0o600)
  write(root, 'etc/shared/linked.repo', '[m2]\nbaseurl=http://upstream.example/m2\n[off]\nenabled=0\n')
  symlinkSync('/etc/shared/linked.repo', join(root, 'etc/yum.repos.d/absolute.repo'))
  symlinkSync('nowhere', join(root, 'etc/yum.repos.d/dangling.repo'))
  mkdirSync(join(root, 'etc/yum.repos.d/directory.repo'))
  write(root, 'etc/yum.repos.d/twice.repo', '[m]\nbaseurl=http://twice.example/m\n')
  linkSync(join(root, 'etc/yum.repos.d/twice.repo'), join(root, 'etc/shared/second-name'))
  write(root, 'etc/zypp/repos.d/z.repo', '[m]\nbaseurl=http://upstream.example/m\nautorefresh=1\n')
  write(root, 'etc/mock/el 9.cfg', "config_opts['dnf.conf'] = '''\n[m]\nbaseurl=http://x.example/\n'''\n")
  write(root, 'srv/job.repos', '# of a job\nm,http://upstream.example/m\nhttp://plain.example/\n')
  for (const name of ['repomd.xml', 'cachecookie', 'primary.sqlite'])
    write(root, join(YUM_CACHE, name), `old ${name}\n`)
  write(root, 'var/cache/zypp/raw/m/repodata/repomd.xml', 'zypper\n')
  write(root, 'var/log/yum.log', '')
  mkdirSync(join(root, 'var/lib'))
  write(root, INSTALLED, '', 0o755)
  copyFileSync(CLIENT, join(root, INSTALLED))
  if (process.getuid?.() === 0) chownSync(join(root, 'etc/yum.repos.d/m.repo'), 12, 34)
  setAttribute(join(root, 'etc/yum.repos.d/m.repo'), 'user.origin', 'image 7')
  age(root)
}

/** Files to name to begin beside those that it covers anyway, relative to the root. */
export const NAMED = ['etc/mock/el 9.cfg', 'srv/job.repos'] as const

/** Writes a file below a root, with the directories that it needs. */
export function write(root: string, path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  chmodSync(join(root, path), mode)
}

function setAttribute(path: string, name: string, value: string): void {
  const tool = findTool('setfattr')
  if (tool !== undefined) spawnSync(tool, ['-n', name, '-v', value, path])
}

/** Gives everything below a root a time of its own in the past, with a fraction of a second. */
function age(root: string): void {
  let seconds = 1_400_000_000.123
  const visit = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name)
      if (entry.isDirectory()) visit(child)
      seconds += 86_400.25
      if (entry.isSymbolicLink()) lutimesSync(child, seconds, seconds)
      else utimesSync(child, seconds, seconds)
    }
  }
  visit(root)
}
