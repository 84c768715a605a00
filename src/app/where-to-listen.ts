import type { ListenAddress } from '../config/config.ts'
import type { Listen } from '../http/server.ts'

/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const HANDED_OVER = 3

/** What the socket activation protocol says in the environment. */
interface Activation {
  /** The process that is meant: its children inherit the variables, not the socket. */
  readonly LISTEN_PID?: string | undefined
  readonly LISTEN_FDS?: string | undefined
}

/**
 * Where to accept connections: on the socket that whoever started this process has opened and handed over, else at the configured address.
 * Connections to a socket that was handed over wait in its backlog while nobody accepts them, as during a restart.
 */
export function whereToListen(
  configured: ListenAddress,
  { LISTEN_PID: pid, LISTEN_FDS: count }: Activation = process.env,
): Listen {
  const isHandedOver = pid === String(process.pid) && Number(count) >= 1
  return isHandedOver ? { fd: HANDED_OVER } : configured
}
