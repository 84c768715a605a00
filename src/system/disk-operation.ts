/** What failed of the system's calls about files. */
export type DiskOperation = 'read' | 'write' | 'fsync' | 'rename'

const OPERATIONS: Readonly<Record<string, DiskOperation>> = {
  read: 'read',
  open: 'read',
  stat: 'read',
  fstat: 'read',
  write: 'write',
  writev: 'write',
  pwrite: 'write',
  ftruncate: 'write',
  mkdir: 'write',
  unlink: 'write',
  fsync: 'fsync',
  fdatasync: 'fsync',
  rename: 'rename',
  link: 'rename',
}

/** How deep causes are looked into. */
const MAX_CAUSES = 8

/** Which call of the system about a file an error comes from; undefined for any other trouble. */
export function diskOperation(error: unknown): DiskOperation | undefined {
  let found = error
  for (let depth = 0; depth < MAX_CAUSES && found instanceof Error; depth += 1) {
    const { syscall } = found as NodeJS.ErrnoException
    if (syscall !== undefined) return OPERATIONS[syscall]
    found = found.cause
  }
  return undefined
}
