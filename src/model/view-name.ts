const VIEW_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** Whether a job may call its view so: a segment of a URL that needs no escaping anywhere. */
export function isViewName(name: string): boolean {
  return VIEW_NAME.test(name)
}
