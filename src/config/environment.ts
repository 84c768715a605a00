/** `$${` (a literal `${`), `${NAME}`, `${NAME:-default}`, or the start of something that is neither. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:(?!\$\{)[^}])*))?\}|\$\{/g

/** The outcome of an expansion: the text with every reference replaced, or what would have made that possible. */
export type Expansion = { readonly text: string } | { readonly expected: string }

/**
 * Replaces `${NAME}` by a variable's value, and `${NAME:-default}` by the default when the variable is unset or empty, as POSIX
 * sh does; `$${` stands for `${`, and any other `$` for itself. What a variable holds is not expanded again.
 */
export function expandEnvironment(text: string, env: NodeJS.ProcessEnv): Expansion {
  let expected: string | undefined
  const expanded = text.replace(REFERENCE, (reference, name?: string, fallback?: string) => {
    if (reference === '$${') return '${'
    if (name === undefined) {
      expected ??= '${NAME} or ${NAME:-default}, or $${ for a literal ${'
      return ''
    }
    // Own properties only: `env` has Object.prototype behind it.
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
    if (value === undefined)
      expected ??= `the environment variable ${name} to be set, or \${${name}:-default}`
    return value ?? ''
  })
  return expected === undefined ? { text: expanded } : { expected }
}

/** Writes text so that {@link expandEnvironment} gives it back. */
export function escapeEnvironment(text: string): string {
  // A function, since `$$` in a replacement string is one `$`.
  return text.replaceAll('${', () => '$${')
}

/**
 * The value of an expanded plain scalar: true, false or a decimal number as YAML's core schema reads them, else the text.
 * Never null, a list or a mapping: a variable cannot change a document's structure.
 */
export function readPlain(text: string): string | number | boolean {
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : text
}
