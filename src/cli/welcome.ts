import { relative } from 'node:path'

import type { Config, ListenAddress } from '../config/config.ts'
import { counted } from '../model/count.ts'
import { VERSION } from '../system/version.ts'
import { baseUrl } from './base-url.ts'

/** Addresses of which other machines know nothing. */
const LOOPBACK = /^(?:127\.|::1$|localhost$)/

/**
 * What whoever has started it by hand does next: where the dashboard is, how dnf gets here, and what to write into the configuration.
 * @param listening where it accepts connections; undefined for a Unix socket, which whoever has handed it over knows
 * @param program what was run: in a checkout npm finds a Node for it
 */
export function formatWelcome(
  config: Config,
  listening: ListenAddress | undefined,
  program = process.argv[1] ?? '',
): string {
  const pinyon = program.endsWith('.ts') ? 'npm run -s pinyon --' : 'pinyon'
  const file = relative(process.cwd(), config.file)
  const serves = `pinyon ${VERSION} serves ${counted(config.mirrors.size, 'mirror')} of ${file}`
  const base = baseUrl(config, listening)
  if (base === undefined) return `${serves} on a Unix socket\n`
  const first = [...config.mirrors.values()].find(({ enabled }) => enabled)
  const mirror = first?.name ?? 'NAME'
  const url = `${base}/repos/yum/${mirror}/latest`
  // For dnf to replace, not the shell.
  const repository = first?.arches === undefined ? `${mirror},${url}` : `'${mirror},${url}/$basearch'`
  const others =
    listening !== undefined && LOOPBACK.test(listening.host)
      ? `Only this machine is served; listen: '[::]:${listening.port}' serves others as well. `
      : ''
  return `${serves} on ${base}

  dashboard     ${base}/
  point dnf at  dnf --repofrompath=${repository} --repo=${mirror} --nogpgcheck list
  the index     curl ${base}/repos/yum/all_latest.json
  its state     ${pinyon} status

Next: mirrors of your own, below mirrors: in ${file}; the name is the repo id that clients use.

  epel-el9:
    baseurl: https://dl.fedoraproject.org/pub/epel/9/Everything/x86_64/

What you save there is taken up at once, or refused with file, line and reason; ${pinyon} check-config says the same beforehand.
${others}Ctrl-C stops.
`
}
