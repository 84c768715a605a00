/** What a commented configuration file says of a key. */
export interface ExplainedKey {
  /** Where it stands: `cache.memory`, `mirrors.baseurl`. */
  readonly path: string
  readonly text: string
}

/**
 * Reads the comments of `config/examples/all-keys.yaml`: a block of comments is about the keys behind it, up to the next block. Keys that are
 * themselves in comments count.
 */
export function readExplainedKeys(text: string, known: ReadonlySet<string>): readonly ExplainedKey[] {
  const found: ExplainedKey[] = []
  let block: string[] = []
  let isOpen = false
  let top = ''
  for (const line of text.split('\n')) {
    const {
      indent = '',
      mark = '',
      key = '',
    } = /^(?<indent> *)(?<mark># )?(?<key>[a-z_0-9]+):(?= |$)/.exec(line)?.groups ?? {}
    const depth = indent.length
    if (mark === '' && key !== '' && depth === 0) top = key
    const path = depth === 0 ? key : `${top}.${key}`
    if (key !== '' && known.has(path) && (mark === '' || depth > 0)) {
      found.push({ path, text: withoutMark(block.join(' ')) })
      isOpen = false
    } else if (/^ *# /.test(line)) {
      if (!isOpen) block = []
      isOpen = true
      block.push(line.replace(/^ *# /, ''))
    } else if (line.trim() === '') isOpen = false
  }
  return found
}

/** A key without a default is marked as an example. */
function withoutMark(text: string): string {
  const bare = text.replace(/^Example[.;] /, '')
  return `${bare.slice(0, 1).toUpperCase()}${bare.slice(1)}`
}
