import { basename, join } from 'node:path'

/** The configuration file as people name it: where on this machine it lies is nobody's business. */
export function configName(file: string): string {
  const directory = basename(join(file, '..'))
  return directory === 'config' ? `${directory}/${basename(file)}` : basename(file)
}
