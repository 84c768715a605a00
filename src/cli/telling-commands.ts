import type { CommandLine, Options } from './exit.ts'

/** Adds the command that shows who uses what. */
export function addUsage({ add, onDone }: CommandLine): void {
  add('usage', 'who uses which mirrors; those that nobody does come first')
    .argument('[mirror]', 'who uses this one, and which of its snapshots')
    .option('--json', 'for scripts')
    .action(async (mirror: string | undefined, options: Options) => {
      const { showUsage } = await import('./usage.ts')
      onDone(await showUsage(mirror, options))
    })
}

/** Adds the command that explains a URL. */
export function addWhy({ add, onDone }: CommandLine): void {
  add(
    'why',
    'how a URL resolves, where its bytes are or are looked for, and by which digest they are trusted',
  )
    .argument('<url>', 'a path of the server, or a whole URL of it')
    .option('--json', 'for scripts')
    .action(async (url: string, options: Options) => {
      const { explainUrl } = await import('./why.ts')
      onDone(await explainUrl(url, options))
    })
}

/** Adds the command that looks for what keeps pinyon from working here. */
export function addDoctor({ add, onDone }: CommandLine): void {
  add('doctor', 'what keeps pinyon from working here, and the way out')
    .option('--json', 'for scripts')
    .action(async (options: Options) => {
      const { diagnose } = await import('./doctor/doctor.ts')
      onDone(await diagnose(options))
    })
}
