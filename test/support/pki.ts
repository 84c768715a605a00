import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { mustRun } from './run-command.ts'
import { tempDir } from './temp-dir.ts'

/** A certificate and its key, as PEM files. */
export interface Issued {
  readonly cert: string
  readonly key: string
}

/** How a certificate is to be. */
export interface IssueOptions {
  /** Names and addresses that it is for; those of this machine unless told: `['DNS:localhost', 'IP:127.0.0.1']`. */
  readonly names?: readonly string[]
  /** Days from now at which it expires, which may be past; 30 unless told. */
  readonly days?: number
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const LOCAL = ['DNS:localhost', 'IP:127.0.0.1']

/** A certificate authority made by openssl, whose files go with the test. */
export class Authority {
  readonly dir: string
  #serial = 0

  private constructor(dir: string) {
    this.dir = dir
  }

  /** Makes one. */
  static async create(t: TestContext, name = 'Test CA'): Promise<Authority> {
    const authority = new Authority(tempDir(t))
    await authority.#openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      `/CN=${name}`,
    )
    return authority
  }

  /** Path of its own certificate. */
  get ca(): string {
    return join(this.dir, 'ca.pem')
  }

  /** Makes a key and signs a certificate for it. */
  async issue(commonName: string, { names = LOCAL, days = 30 }: IssueOptions = {}): Promise<Issued> {
    const base = `${(this.#serial += 1)}`
    const [key, request, cert] = [`${base}.key`, `${base}.csr`, `${base}.pem`]
    const extension = ['-addext', `subjectAltName=${names.join(',')}`]
    await this.#openssl(
      'req',
      ...KEY,
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      `/CN=${commonName}`,
      ...extension,
    )
    const ca = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-copy_extensions', 'copy', '-set_serial', base]
    await this.#openssl('x509', '-req', '-in', request, ...ca, '-days', String(days), '-out', cert)
    return { cert: join(this.dir, cert), key: join(this.dir, key) }
  }

  /** Makes a key and a certificate that nobody vouches for. */
  async selfSigned(): Promise<Issued> {
    const base = `${(this.#serial += 1)}`
    const extension = ['-addext', `subjectAltName=${LOCAL.join(',')}`]
    const [key, cert] = [`${base}.key`, `${base}.pem`]
    await this.#openssl(
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      key,
      '-out',
      cert,
      '-subj',
      '/CN=localhost',
      ...extension,
    )
    return { cert: join(this.dir, cert), key: join(this.dir, key) }
  }

  /** The text of a PEM file. */
  static read(file: string): string {
    return readFileSync(file, 'latin1')
  }

  async #openssl(...args: readonly string[]): Promise<void> {
    await mustRun('openssl', args, { cwd: this.dir })
  }
}
