import { createProgram } from '../../src/cli/cli.ts'
import { formatExamples, OVERVIEW } from '../../src/cli/help.ts'
import { GENERATED } from './markdown.ts'

const WIDTH = 100

/** Every command's help, as the program prints it. */
export function formatCliReference(): string {
  const program = createProgram(() => undefined).configureOutput({ getOutHelpWidth: () => WIDTH })
  program.exitOverride()
  const sections = program.commands.map((command) => {
    command.configureOutput({ getOutHelpWidth: () => WIDTH })
    const help = command.helpInformation().trimEnd()
    return `## ${command.name()}\n\n\`\`\`text\n${help}\n${formatExamples(command.name()).trimEnd()}\n\`\`\`\n`
  })
  const overview = `\`\`\`text\n${program.helpInformation().trimEnd()}\n${OVERVIEW.trimEnd()}\n\`\`\`\n`
  const intro =
    'What `pinyon --help` and the help of each command print. From a checkout: `npm run -s pinyon -- COMMAND`.'
  return [GENERATED, '# Commands', intro, overview, ...sections].join('\n\n').replaceAll(/\n{3,}/g, '\n\n')
}
