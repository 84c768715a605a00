/** `${name}` or `$name`; names are of letters, digits and `_`. */
const VARIABLE = /\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g

/** A variable as pinyon's configuration would refuse it: one that starts with a letter, closed or not. */
const LEFT = /\$\{?([A-Za-z][A-Za-z0-9_]*)/g

/**
 * Replaces `$name` and `${name}` by what the name stands for, as dnf does: case counts, what is unknown stays, and what was put in is
 * not looked at again.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(VARIABLE, (written, braced?: string, bare?: string) => {
    return variables.get(braced ?? bare ?? '') ?? written
  })
}

/** The names of the variables in a text, each once, in order. */
export function findVariables(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(LEFT), ([, name = '']) => name))]
}
