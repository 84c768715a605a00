import { dirname, resolve } from 'node:path'
import { isMap, LineCounter } from 'yaml'
import { expandEnvironment } from './environment.ts'
import { readConfigFile } from './read.ts'
import { DEFAULTS } from './schema.ts'
import { parsePath } from './schema-value.ts'
import { parseYaml } from './yaml.ts'

/**
 * The `data_dir` of a configuration file that is refused for something else: a server that runs with what the file said before is asked there.
 *
 * @returns undefined where that cannot be told
 */
export function findDataDir(file: string, env: NodeJS.ProcessEnv): string | undefined {
  const reading = readConfigFile(file)
  if ('found' in reading) return undefined
  const { document } = parseYaml(reading.text, new LineCounter())
  const written = isMap(document?.contents)
    ? (document.contents.get('data_dir') ?? DEFAULTS.data_dir)
    : undefined
  if (typeof written !== 'string') return undefined
  const expanded = expandEnvironment(written, env)
  if ('expected' in expanded) return undefined
  const path = parsePath(expanded.text, dirname(resolve(file)), '')
  return 'value' in path ? path.value : undefined
}
