/** The longest mirror name, in bytes: it is a path segment and a key of the index. */
const MIRROR_NAME_MAX_BYTES = 100

/**
 * Why a name cannot be a mirror's, or undefined when it can. It is a yum repo id, a URL path segment and a key of the index,
 * where `:` marks directives and `main` would reach yum's own section.
 */
export function refuseMirrorName(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (Buffer.byteLength(name) > MIRROR_NAME_MAX_BYTES)
    return `it is longer than ${MIRROR_NAME_MAX_BYTES} bytes`
  if (name === 'main') return '"main" is the section of yum itself'
  if (name === '.' || name === '..') return 'it is a relative path'
  // Assigning it to a JavaScript object sets the prototype instead of a property.
  if (name === '__proto__') return 'it is reserved'
  if (name.startsWith('all_latest.')) return 'it is the name of an index'
  const found = /[^A-Za-z0-9._+@~-]/.exec(name)
  return found === null
    ? undefined
    : `it holds ${JSON.stringify(String.fromCodePoint(name.codePointAt(found.index) ?? 0))}`
}
