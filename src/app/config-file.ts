import { editConfigFile, type FileReplacer } from '../config/write.ts'
import { PinyonError } from '../model/errors.ts'

/** What the system says where a file cannot be replaced by us: another owner, a read-only place, a file that is mounted by itself. */
const READONLY = ['EROFS', 'EACCES', 'EPERM', 'EBUSY']

/** Somebody else changed the file between two looks at it. */
const CHANGED = Symbol('changed')

/** The configuration file as this server changes it. */
export class ConfigFile {
  readonly #file: string
  readonly #replacer: FileReplacer

  constructor(file: string, replacer: FileReplacer) {
    this.#file = file
    this.#replacer = replacer
  }

  /** Its text as it is now. Throws STORE_FAILED. */
  async read(): Promise<string> {
    let text = ''
    await editConfigFile(this.#file, (now) => (text = now), this.#replacer)
    return text
  }

  /**
   * Puts a text in the place of another, in one step.
   * @returns false when the file does not hold that other text any more
   * @throws PinyonError CONFIG_READONLY when this server may not do that, STORE_FAILED for other trouble
   */
  async replace(before: string, after: string): Promise<boolean> {
    const edit = (now: string) => {
      if (now !== before) throw CHANGED
      return after
    }
    try {
      await editConfigFile(this.#file, edit, this.#replacer)
      return true
    } catch (error) {
      if (error === CHANGED) return false
      throw explain(error, this.#file)
    }
  }
}

function explain(error: unknown, file: string): unknown {
  const found = error instanceof PinyonError ? findForbidden(error.cause) : undefined
  if (found === undefined) return error
  const message = `this server may not change its configuration file ${file}: ${found}`
  return new PinyonError('CONFIG_READONLY', message, { cause: error })
}

function findForbidden(cause: unknown): string | undefined {
  // Of a file's owner, label and the like another user may be able to keep what this server cannot.
  if (cause instanceof PinyonError) return cause.message
  const { code = '' } = (cause ?? {}) as NodeJS.ErrnoException
  return READONLY.includes(code) ? code : undefined
}
