/**
 * Makes signals that mean nothing here do nothing, though they are sent to daemons, as for another log file: by SIGUSR1 node would open its
 * debugger to every user of the machine, SIGUSR2 would end the process.
 */
export function ignoreUnusedSignals(): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => undefined)
}
