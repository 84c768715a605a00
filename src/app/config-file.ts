import { editConfigFile, type Publish } from '../config/write.ts'
import { PinyonError } from '../model/errors.ts'

/** What the system says where a file cannot be replaced by us: another owner, a read-only place, a file that is mounted by itself. */
const READONLY = ['EROFS', 'EACCES', 'EPERM', 'EBUSY']

/** Somebody else changed the file between two looks at it. */
const CHANGED = Symbol('changed')

/** The configuration file as this server changes it. */
export class ConfigFile {
  readonly #file: string
  readonly #publish: Publish

  /** @param publish puts a finished file in the place of another */
  constructor(file: string, publish: Publish) {
    this.#file = file
    this.#publish = publish
  }

  /** Its text as it is now. Throws STORE_FAILED. */
  async read(): Promise<string> {
    let text = ''
    await editConfigFile(this.#file, (now) => (text = now), this.#publish)
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
      await editConfigFile(this.#file, edit, this.#publish)
      return true
    } catch (error) {
      if (error === CHANGED) return false
      throw explain(error, this.#file)
    }
  }
}

function explain(error: unknown, file: string): unknown {
  const cause = error instanceof PinyonError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined
  if (!READONLY.includes(cause?.code ?? '')) return error
  const message = `this server may not change its configuration file ${file}: ${cause?.code}`
  return new PinyonError('CONFIG_READONLY', message, { cause: error })
}
