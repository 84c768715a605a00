import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Puts values in place of `${NAME}`; what is not of that form, as nginx's own `$name`, stays.
 * @throws Error for a name that has no value
 */
export function renderTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\$\{([A-Z_]+)\}/g, (whole, name: string) => {
    const value = values[name]
    if (value === undefined)
      throw new Error(
        `a configuration asks for ${whole}, which is not one of ${Object.keys(values).join(', ')}`,
      )
    return value
  })
}

/** Renders files of `bench/peers/<peer>` into a directory, under their names. Without names, all of them. */
export function renderConfiguration(
  peer: string,
  dir: string,
  values: Readonly<Record<string, string>>,
  names: readonly string[] = readdirSync(join(import.meta.dirname, peer)),
): void {
  for (const name of names) {
    const template = readFileSync(join(import.meta.dirname, peer, name), 'utf8')
    // Comments may tell what the names stand for.
    const lines = template
      .split('\n')
      .map((line) => (/^\s*#/.test(line) ? line : renderTemplate(line, values)))
    writeFileSync(join(dir, name), lines.join('\n'))
  }
}
