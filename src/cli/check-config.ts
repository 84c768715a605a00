import { formatConfig } from '../config/format.ts'
import { loadConfig } from '../config/load.ts'
import { checkIdentities } from './check-identities.ts'
import { checkKeys } from './check-keys.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { toPrintable } from './table.ts'

/**
 * Validates a configuration file and prints the effective configuration, and the keys and certificates that it names as comments. Throws
 * ConfigError with every problem at once; fails for a file of keys of which none can be used, and for a client certificate that has expired.
 */
export async function checkConfig(file: string): Promise<ExitCode> {
  const config = loadConfig(file, process.env)
  process.stdout.write(formatConfig(config))
  const keys = await checkKeys(config, Date.now())
  const identities = checkIdentities(config, Date.now())
  const lines = [...keys.lines, ...identities.lines]
  const problems = [...keys.problems, ...identities.problems]
  for (const line of lines) process.stdout.write(`# ${toPrintable(line)}\n`)
  for (const problem of problems) process.stderr.write(`pinyon: ${toPrintable(problem)}\n`)
  return problems.length > 0 ? EXIT.failed : EXIT.done
}
