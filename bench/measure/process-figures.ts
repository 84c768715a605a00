import { readdirSync, readFileSync } from 'node:fs'

/** Ticks of a second in /proc; Linux tells programs 100 on every machine. */
const TICKS_PER_SECOND = 100

/** What /proc tells of a process. */
export interface ProcessStat {
  readonly pid: number
  readonly parent: number
  /** User and system, of all its threads. */
  readonly cpuSeconds: number
}

/** Reads the text of /proc/PID/stat. */
export function parseStat(stat: string): ProcessStat {
  // The second field is the command's name, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    pid: Number.parseInt(stat, 10),
    parent: Number(fields[1]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  }
}

/** Of these processes the one with this id, and all that descend from it. */
export function treeOf(pid: number, processes: readonly ProcessStat[]): ProcessStat[] {
  const children = Map.groupBy(processes, ({ parent }) => parent)
  const from = (stat: ProcessStat): ProcessStat[] => [stat, ...(children.get(stat.pid) ?? []).flatMap(from)]
  return processes.filter((stat) => stat.pid === pid).flatMap(from)
}

/** Processor time that a process and those below it have used, in seconds. */
export function readCpuSeconds(pid: number): number {
  return readTree(pid).reduce((sum, stat) => sum + (readThreadSeconds(stat.pid) ?? stat.cpuSeconds), 0)
}

/** Memory that a process and those below it have in use, in bytes. */
export function readRssBytes(pid: number): number {
  return readTree(pid).reduce((sum, stat) => sum + rssOf(stat.pid), 0)
}

function readTree(pid: number): ProcessStat[] {
  const stats = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? readStat(name) : []))
  return treeOf(pid, stats)
}

/** None when it has ended meanwhile. */
function readStat(pid: string): ProcessStat[] {
  try {
    return [parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))]
  } catch {
    return []
  }
}

/** Of its threads, to the nanosecond, where a tick would be too long; undefined where the kernel does not tell. */
function readThreadSeconds(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const used = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'))
    return used.reduce((sum, text) => sum + Number.parseInt(text, 10) / 1e9, 0)
  } catch {
    return undefined
  }
}

function rssOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
