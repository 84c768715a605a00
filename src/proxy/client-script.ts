/** The line that says which server the script asks. */
const SERVER_LINE = /^PINYON_SERVER=\$\{PINYON_SERVER:-\}$/m

/**
 * The slave's script with its server filled in, which the environment may still override.
 * @param script as it lies in the source tree, with one line `PINYON_SERVER=${PINYON_SERVER:-}`
 * @param base what URLs of this server begin with
 * @throws Error for a script without that line: of our own making
 */
export function formatClientScript(script: string, base: string): string {
  if (!SERVER_LINE.test(script)) throw new Error('the client script has no line for its server')
  return script.replace(SERVER_LINE, () => `PINYON_SERVER=\${PINYON_SERVER:-${quoteForShell(base)}}`)
}

/** A URL in single quotes. It can hold one itself, which a URL may also escape; the rest means nothing within them. */
function quoteForShell(url: string): string {
  return `'${url.replaceAll("'", '%27')}'`
}
