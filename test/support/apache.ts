import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { openToOthers, startDaemon } from './daemon.ts'
import { mustRun } from './run-command.ts'
import { tempDir } from './temp-dir.ts'
import type { Issued } from './pki.ts'

/** How an Apache httpd is to be. */
export interface ApacheOptions {
  readonly tls: Issued
  /** Whom it asks for a password, everywhere. */
  readonly user?: { readonly username: string; readonly password: string }
}

const MODULES = '/usr/lib/apache2/modules'
const NEEDED = [
  'mpm_event',
  'ssl',
  'http2',
  'auth_basic',
  'authn_file',
  'authn_core',
  'authz_core',
  'authz_user',
]

/** Starts Apache httpd by TLS, with h2, serving `root` until the test ends; gives its URL. */
export async function startApache(
  t: TestContext,
  root: string,
  { tls, user }: ApacheOptions,
): Promise<string> {
  const dir = tempDir(t)
  for (const open of [dir, root]) openToOthers(open)
  if (user !== undefined) {
    const { stdout } = await mustRun('openssl', ['passwd', '-apr1', '-stdin'], { input: user.password })
    writeFileSync(join(dir, 'users'), `${user.username}:${stdout.trim()}\n`)
  }
  const access =
    user === undefined
      ? 'Require all granted'
      : `AuthType Basic\nAuthName pinyon\nAuthUserFile ${dir}/users\nRequire valid-user`
  const { port } = await startDaemon(t, 'apache2', (free) => {
    const file = join(dir, 'apache.conf')
    writeFileSync(file, formatApache(dir, root, free, tls, access))
    return ['-f', file, '-D', 'FOREGROUND']
  })
  return `https://localhost:${port}/`
}

function formatApache(
  dir: string,
  root: string,
  port: number,
  { cert, key }: Issued,
  access: string,
): string {
  return `
ServerRoot ${dir}
ServerName localhost
PidFile ${dir}/apache.pid
DefaultRuntimeDir ${dir}
Mutex fcntl:${dir}
ErrorLog ${dir}/error.log
${NEEDED.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
${process.getuid?.() === 0 ? 'User nobody\nGroup nogroup' : ''}
StartServers 1
ThreadsPerChild 25
Listen 127.0.0.1:${port}
SSLEngine on
SSLCertificateFile ${cert}
SSLCertificateKeyFile ${key}
SSLSessionCache none
Protocols h2 http/1.1
DocumentRoot ${root}
<Directory ${root}>
${access}
</Directory>
`
}
