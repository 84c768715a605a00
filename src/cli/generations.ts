import type { GenerationView } from '../proxy/api-generations.ts'
import { EXIT, type ExitCode, type Options } from './exit.ts'
import { openMirrorSource } from './mirror-source.ts'
import { formatJson, formatTable, toPrintable } from './table.ts'

/** Options of `generations`. */
export interface GenerationsOptions extends Options {
  /** Only those that changed this mirror. */
  readonly mirror?: string
}

/** Prints the history of the index, newest first; exits 3 when there is none. */
export async function listGenerations(options: GenerationsOptions): Promise<ExitCode> {
  const source = await openMirrorSource(options)
  try {
    const query = options.mirror === undefined ? '' : `?mirror=${encodeURIComponent(options.mirror)}`
    const { generations } = await source.get<{ generations: GenerationView[] }>(`generations${query}`)
    if (options.json === true) process.stdout.write(`${formatJson({ generations }, 2)}\n`)
    else process.stdout.write(formatGenerations(generations, options.mirror))
    return generations.length === 0 ? EXIT.nothing : EXIT.done
  } finally {
    await source.close()
  }
}

function formatGenerations(generations: readonly GenerationView[], mirror: string | undefined): string {
  if (generations.length === 0)
    return mirror === undefined ? 'No generation yet.\n' : `No generation changed ${toPrintable(mirror)}.\n`
  // Few farms say why all the time.
  const hasWhy = generations.some(({ why }) => why !== null)
  const rows = generations.flatMap(({ generation, created_at: createdAt, cause, by, why, changes }) =>
    changes.map(({ mirror, from, to }, index) => [
      index === 0 ? String(generation) : '',
      index === 0 ? createdAt : '',
      index === 0 ? cause : '',
      mirror,
      from ?? '-',
      to ?? '-',
      index === 0 ? toPrintable(by ?? '-') : '',
      ...(hasWhy ? [index === 0 ? toPrintable(why ?? '-') : ''] : []),
    ]),
  )
  return formatTable([
    ['GENERATION', 'SINCE', 'CAUSE', 'MIRROR', 'FROM', 'TO', 'BY', ...(hasWhy ? ['WHY'] : [])],
    ...rows,
  ])
}
