import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Config, MirrorConfig } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { tempDir } from '../support/temp-dir.ts'

/** A loader of configuration text, written each time to `pinyon.yaml` in one directory of the test's own. */
export class ConfigFile {
  readonly dir: string
  readonly file: string

  constructor(t: TestContext) {
    this.dir = tempDir(t)
    this.file = join(this.dir, 'pinyon.yaml')
  }

  load(text: string | Uint8Array, env: NodeJS.ProcessEnv = {}): Config {
    writeFileSync(this.file, text)
    return loadConfig(this.file, env)
  }

  /** The error a text leads to. */
  refuse(text: string | Uint8Array, env: NodeJS.ProcessEnv = {}): ConfigError {
    try {
      this.load(text, env)
    } catch (thrown) {
      if (thrown instanceof ConfigError) return thrown
      throw thrown
    }
    throw new Error(`this was not refused: ${String(text).slice(0, 200)}`)
  }

  /** The lines of the message a text leads to, with the directory left out. */
  problems(text: string | Uint8Array, env: NodeJS.ProcessEnv = {}): string[] {
    return this.refuse(text, env).message.replaceAll(`${this.dir}/`, '').split('\n')
  }

  /** The only mirror of a text. */
  mirror(text: string, env: NodeJS.ProcessEnv = {}): MirrorConfig {
    const [mirror, ...others] = this.load(text, env).mirrors.values()
    if (mirror === undefined || others.length > 0) throw new Error('not one mirror')
    return mirror
  }
}
