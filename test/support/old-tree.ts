import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { writeSyntheticRepository, type SyntheticOptions } from './synthetic-repository.ts'
import { mustRun } from './run-command.ts'

/** A mirror as the shell scripts of the server before pinyon laid it out: `base`, dated directories, `latest.txt`. */
export class OldMirrorTree {
  readonly dir: string
  readonly name: string

  /** @param root the directory of all mirrors */
  constructor(root: string, name: string) {
    this.name = name
    this.dir = join(root, name)
    mkdirSync(this.base, { recursive: true })
  }

  get base(): string {
    return join(this.dir, 'base')
  }

  /** Copies package files into `base/Packages`. */
  add(...paths: readonly string[]): this {
    mkdirSync(join(this.base, 'Packages'), { recursive: true })
    for (const path of paths) cpSync(path, join(this.base, 'Packages', path.replace(/^.*\//, '')))
    return this
  }

  /**
   * What the script did after a sync: createrepo over all that is in base, then a copy of its repomd.xml.
   * @param host what clients fetch packages from: `<host>/repos/yum/<name>/base/<href>`
   */
  async publish(name: string, host: string): Promise<void> {
    const baseurl = `--baseurl=${host}/repos/yum/${this.name}/base`
    const fixed = ['--quiet', '--update', '--no-database', '--retain-old-md=100', baseurl]
    await mustRun('createrepo_c', [...fixed, this.base])
    this.#takeSnapshot(name)
  }

  /** The same without a tool, and without xml:base. Old generations' files stay, as with --retain-old-md. */
  publishSynthetic(name: string, options: SyntheticOptions): void {
    const repodata = join(this.base, 'repodata')
    const retained = new Map(readNames(repodata).map((file) => [file, readFileSync(join(repodata, file))]))
    writeSyntheticRepository(this.base, options)
    const names = readNames(repodata)
    for (const [file, bytes] of retained)
      if (!names.includes(file)) writeFileSync(join(repodata, file), bytes)
    this.#takeSnapshot(name)
  }

  /** The path of the one file of a generation that a snapshot's repomd.xml names so: `primary`, `filelists`. */
  repodataFile(name: string, type: string): string {
    const repomd = readFileSync(join(this.dir, name, 'repodata/repomd.xml'), 'utf8')
    const href = new RegExp(`<data type="${type}">.*?<location href="([^"]+)"`, 's').exec(repomd)?.[1]
    return join(this.base, href ?? '')
  }

  /** Makes another snapshot the one that the index names, as the admins did by hand. */
  rollBack(name: string): void {
    writeFileSync(join(this.dir, 'latest.txt'), `${name}\n`)
  }

  #takeSnapshot(name: string): void {
    const directory = join(this.dir, name, 'repodata')
    mkdirSync(directory, { recursive: true })
    cpSync(join(this.base, 'repodata/repomd.xml'), join(directory, 'repomd.xml'), {
      preserveTimestamps: true,
    })
    this.rollBack(name)
  }
}

/** Adds a byte to a file: neither its size nor its digest is what it is listed as. */
export function corrupt(path: string): void {
  appendFileSync(path, 'x')
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
