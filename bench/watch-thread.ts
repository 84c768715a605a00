function readCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Looks every millisecond; gives the most processor time that this thread spent between two looks. Other processes do not count. */
export function watchThread(): () => number {
  let longestMs = 0
  let before = readCpuMs()
  const look = () => {
    const now = readCpuMs()
    longestMs = Math.max(longestMs, now - before)
    before = now
  }
  const timer = setInterval(look, 1)
  return () => {
    clearInterval(timer)
    look()
    return longestMs
  }
}
