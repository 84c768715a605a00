import { formatConfig } from '../config/format.ts'
import { loadConfig } from '../config/load.ts'
import { EXIT, type ExitCode } from './exit.ts'

/** Validates a configuration file and prints the effective configuration. Throws ConfigError with every problem at once. */
export function checkConfig(file: string): ExitCode {
  process.stdout.write(formatConfig(loadConfig(file, process.env)))
  return EXIT.done
}
