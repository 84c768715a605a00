import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Gpg } from './gpg.ts'
import { mustRun, runCommand } from './run-command.ts'

/**
 * Signs package files in place with rpmsign.
 * @param args further ones: `--rpmv3` adds a signature over header and payload
 */
export async function signRpms(
  gpg: Gpg,
  key: string,
  files: readonly string[],
  ...args: readonly string[]
): Promise<void> {
  const macros = { _gpg_name: key, _gpg_path: gpg.home, __gpg: '/usr/bin/gpg' }
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`])
  // rpmsign starts gpg without its option for keys that have no passphrase.
  const options = ['--define', '_gpg_sign_cmd_extra_args --pinentry-mode loopback --passphrase ""']
  await mustRun('rpmsign', [...defines, ...options, ...args, '--addsign', ...files])
}

/** What rpmkeys says of a package's signatures, given these files of keys: every word of its line. */
export async function checkRpm(file: string, keyFiles: readonly string[]): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'rpmkeys-'))
  try {
    const database = ['--define', `_dbpath ${dir}`]
    for (const key of keyFiles) await mustRun('rpmkeys', [...database, '--import', key])
    const { stdout } = await runCommand('rpmkeys', [...database, '--checksig', file])
    return stdout.slice(file.length + 1).trim()
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
