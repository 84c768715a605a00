import { createLayout } from '../../cache/layout.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { ConfigError } from '../../config/problem.ts'
import { counted } from '../../model/count.ts'
import { toPinyonError } from '../../model/errors.ts'
import { baseUrl } from '../base-url.ts'
import { checkIdentities } from '../check-identities.ts'
import { checkKeys } from '../check-keys.ts'
import { EXIT, type ExitCode, type Options } from '../exit.ts'
import { listeningOf, type RunningState } from '../listening.ts'
import { ServerConnection } from '../server-connection.ts'
import { formatJson, toPrintable } from '../table.ts'
import { checkDatabase, checkDescriptors, checkDisk, checkListen, checkNode } from './check-machine.ts'
import { checkMirrors, readFailures } from './check-mirrors.ts'
import { fine, worst, type Finding } from './finding.ts'

/** Prints what every check found, with a way out of what is wrong; exits 1 when anything keeps pinyon or a mirror from working. */
export async function diagnose({ config, json }: Options): Promise<ExitCode> {
  const findings = [checkNode(), checkDescriptors(), ...(await checkConfiguration(config))]
  if (json === true) process.stdout.write(`${formatJson({ findings }, 2)}\n`)
  else process.stdout.write(formatFindings(findings))
  return worst(findings) === 'fail' ? EXIT.failed : EXIT.done
}

async function checkConfiguration(file: string): Promise<Finding[]> {
  let config: Config
  try {
    config = loadConfig(file, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const advice = 'config/examples/all-keys.yaml explains every key'
    return error.message
      .split('\n')
      .map((found) => ({ check: 'configuration', level: 'fail', found, advice }))
  }
  const nowMs = Date.now()
  const { finding, isServed } = await checkServer(config)
  return [
    fine('configuration', `${config.file}, ${counted(config.mirrors.size, 'mirror')}`),
    ...checkDisk(config),
    ...checkDatabase(config.dataDir, nowMs),
    finding,
    ...(await checkTrust(config, nowMs)),
    ...(await checkMirrors(config, nowMs, readFailures(config), isServed)),
  ]
}

/** A running server, or that one could listen. */
async function checkServer(
  config: Config,
): Promise<{ readonly finding: Finding; readonly isServed: boolean }> {
  try {
    const server = await ServerConnection.open(createLayout(config.dataDir).adminSocket)
    if (server === undefined) return { finding: await checkListen(config), isServed: false }
    const state = await server.get<RunningState>('/api/v1/configuration')
    await server.close()
    return { finding: describeServer(config, state), isServed: true }
  } catch (error) {
    const advice = 'is it this data_dir, and this user? A server that is stuck is ended with kill'
    const found = toPinyonError(error).message
    return { finding: { check: 'server', level: 'fail', found, advice }, isServed: false }
  }
}

function describeServer(config: Config, state: RunningState): Finding {
  const { ok, error } = state
  if (ok) return fine('server', `runs on ${baseUrl(config, listeningOf(config, state)) ?? 'a Unix socket'}`)
  const advice = 'it goes on with the one before; mend the file, and it is taken up at once'
  return { check: 'server', level: 'fail', found: `refuses the configuration: ${error}`, advice }
}

/** Keys and certificates. */
async function checkTrust(config: Config, nowMs: number): Promise<Finding[]> {
  const [keys, identities] = [await checkKeys(config, nowMs), checkIdentities(config, nowMs)]
  const lines = [...keys.lines, ...identities.lines]
  const problems = [...keys.problems, ...identities.problems]
  return [
    ...lines.map((line) => fine('trust', line)),
    ...problems.map((found): Finding => ({ check: 'trust', level: 'fail', found })),
  ]
}

/** A finding a line, its way out below it, and what they come to. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, level, found, advice }) => {
    const line = `${level.padEnd(4)}  ${check.padEnd(width)}  ${found}`
    return advice === undefined || level === 'ok' ? [line] : [line, `${' '.repeat(width + 8)}${advice}`]
  })
  const count = (level: Finding['level']) => findings.filter((one) => one.level === level).length
  const sum = `\n${count('ok')} right, ${count('warn')} to look at, ${count('fail')} wrong\n`
  return lines.map((line) => `${toPrintable(line)}\n`).join('') + sum
}
