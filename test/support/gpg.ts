import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { mustRun, runCommand } from './run-command.ts'

/** How a key is made. */
export interface KeySpec {
  /** As gpg names it: `rsa2048`, `ed25519`, `nistp256`, `dsa1024` … */
  readonly algorithm?: string
  /** A second, signing key below it, as gpg names its algorithm. */
  readonly subkey?: string
  /** As gpg has it: `never`, `1y`, `seconds=60`. */
  readonly expires?: string
  /** When it is made, in seconds since the epoch; now unless told. */
  readonly at?: number
  /** The hash algorithm of its self-signatures. */
  readonly certHash?: string
}

/** What a signature is made with. */
export interface SignOptions {
  /** Ids of the keys that sign. */
  readonly keys: readonly string[]
  /** `--detach-sign` and `--armor` unless told. */
  readonly how?: readonly string[]
  readonly at?: number
  readonly hash?: string
}

/** GnuPG with a home of its own: keys that cost little to make, and signatures. */
export class Gpg {
  readonly dir: string
  #files = 0

  constructor() {
    this.dir = realpathSync(mkdtempSync(join(tmpdir(), 'gpg-')))
    mkdirSync(this.home, { mode: 0o700 })
  }

  /** A home that is gone when the test ends. */
  static create(t: { after(fn: () => Promise<void>): void }): Gpg {
    const gpg = new Gpg()
    t.after(() => gpg.close())
    return gpg
  }

  /** Ends its agent and removes everything. */
  async close(): Promise<void> {
    await runCommand('gpgconf', ['--homedir', this.home, '--kill', 'all'])
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }

  get home(): string {
    return join(this.dir, 'home')
  }

  /** Makes a key without a passphrase and gives its fingerprint. */
  async generate(owner: string, spec: KeySpec = {}): Promise<string> {
    const { algorithm = 'rsa2048', subkey, expires = 'never', at, certHash } = spec
    const time = at === undefined ? [] : ['--faked-system-time', `${at}!`]
    const digest = certHash === undefined ? [] : ['--cert-digest-algo', certHash, '--allow-weak-digest-algos']
    const common = [...time, ...digest, '--passphrase', '']
    const { stderr, stdout } = await this.run(
      ...common,
      '--status-fd',
      '1',
      '--quick-generate-key',
      owner,
      algorithm,
      subkey === undefined ? 'sign,cert' : 'cert',
      expires,
    )
    const fingerprint = /KEY_CREATED \w ([0-9A-F]+)/.exec(stdout)?.[1]
    if (fingerprint === undefined) throw new Error(`gpg made no key: ${stderr}`)
    if (subkey !== undefined)
      await this.run(...common, '--quick-add-key', fingerprint, subkey, 'sign', expires)
    return fingerprint
  }

  /** The public keys of these ids, armoured unless told. */
  async export(ids: readonly string[], ...how: readonly string[]): Promise<Buffer> {
    const file = this.#file()
    await this.run('--output', file, ...(how.length === 0 ? ['--armor'] : how), '--export', ...ids)
    return readFileSync(file)
  }

  /** Signs bytes. */
  async sign(data: Uint8Array, { keys, how, at, hash }: SignOptions): Promise<Buffer> {
    const [input, output] = [this.#file(data), this.#file()]
    const time = at === undefined ? [] : ['--faked-system-time', `${at}!`]
    const users = keys.flatMap((key) => ['--local-user', key])
    const mode = how ?? ['--armor', '--detach-sign']
    const digest = hash === undefined ? [] : ['--digest-algo', hash, '--allow-weak-digest-algos']
    const options = ['--passphrase', '', ...digest]
    await this.run(...time, ...options, ...users, '--output', output, ...mode, input)
    return readFileSync(output)
  }

  /** Revokes a key with the certificate that gpg made along with it. */
  async revoke(fingerprint: string): Promise<void> {
    const file = join(this.home, 'openpgp-revocs.d', `${fingerprint}.rev`)
    // The certificate has a colon before it, so that nobody imports it by mistake.
    writeFileSync(file, readFileSync(file, 'utf8').replace(':-----BEGIN', '-----BEGIN'))
    await this.run('--import', file)
  }

  /** Edits a key with these answers to gpg's questions. */
  async edit(fingerprint: string, answers: readonly string[]): Promise<void> {
    const fixed = ['--homedir', this.home, '--no-tty', '--pinentry-mode', 'loopback', '--passphrase', '']
    const input = `${answers.join('\n')}\n`
    await mustRun('gpg', [...fixed, '--command-fd', '0', '--edit-key', fingerprint], { input })
  }

  /** What gpgv says of a detached signature: its status lines' first words. */
  async verify(data: Uint8Array, signature: Uint8Array, keys: Uint8Array): Promise<string[]> {
    const ring = this.#file(keys)
    const binary = this.#file()
    if ((keys[0] ?? 0) < 0x80) await this.run('--output', binary, '--dearmor', ring)
    const used = (keys[0] ?? 0) < 0x80 ? binary : ring
    const args = ['--status-fd', '1', '--keyring', used, this.#file(signature), this.#file(data)]
    const { stdout } = await runCommand('gpgv', ['--homedir', this.home, ...args])
    return [...stdout.matchAll(/^\[GNUPG:\] (\w+)/gm)].map(([, word = '']) => word)
  }

  /** Runs gpg here. */
  async run(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    const fixed = ['--homedir', this.home, '--batch', '--yes', '--no-tty', '--pinentry-mode', 'loopback']
    return await mustRun('gpg', [...fixed, ...args])
  }

  #file(bytes?: Uint8Array): string {
    this.#files += 1
    const file = join(this.dir, `file${this.#files}`)
    if (bytes !== undefined) writeFileSync(file, bytes)
    return file
  }
}
