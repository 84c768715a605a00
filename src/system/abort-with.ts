/**
 * A controller that a signal aborts as well, and that lives no longer than it. AbortSignal.any, which lets go of what nobody has any more, costs
 * several times as much.
 */
export function abortWith(signal: AbortSignal): AbortController {
  const controller = new AbortController()
  const abort = () => controller.abort(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return controller
}
