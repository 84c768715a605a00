import { userInfo } from 'node:os'

/** Who uses this command: with sudo, who used that. Printable ASCII, at most 64 characters. */
export function userName(): string {
  return (process.env['SUDO_USER'] ?? systemUser()).replace(/[^\x20-\x7e]+/g, '?').slice(0, 64)
}

function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    // A user without a name, as in containers.
    return `uid ${process.getuid?.()}`
  }
}
