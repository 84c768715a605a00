import { InvalidArgumentError, Option, type Command } from 'commander'

import type { ProxyRule } from '../inject/injection.ts'
import type { CommandLine } from './exit.ts'
import { injectFiles, type InjectCommandOptions } from './inject/run.ts'
import { findIndex, INDEX_VARIABLE } from './inject/index-source.ts'

const PROXY_RULES: Readonly<Record<string, ProxyRule>> = {
  auto: 'auto',
  // No proxy, in the word that the distribution has for it.
  none: 'auto',
  keep: 'keep',
  _none_: '_none_',
  None: 'None',
}
const FORMATS = ['yum', 'repos', 'mock']

/** Adds the command that puts mirrors into package managers' configuration. */
export function addInject({ add, onDone }: CommandLine): void {
  add('inject', "put an index's mirrors into yum, dnf and mock configuration, in place")
    .argument('<file...>', '*.repo, yum.conf, *.repos, mock *.cfg, a directory of *.repo, or a pattern')
    .option('--index <url>', `URL or path of the index; ${INDEX_VARIABLE} unless told`)
    .addOption(
      new Option('--proxy <rule>', `what proxy= becomes: ${Object.keys(PROXY_RULES).join(', ')}`)
        .default('auto')
        .argParser(readProxyRule),
    )
    .option('--strict', 'change nothing, and fail, when an enabled repository has no mirror')
    .option('--only-mirrored', 'disable what has no mirror')
    .option('--keep-pinned', 'leave alone what names a dated snapshot already')
    .option('--fail-open', 'change nothing, but succeed, when the index cannot be read')
    .option('--dry-run', 'change nothing; print the result')
    .option('--diff', 'print what changes, as a unified diff')
    .option('--root <dir>', 'the files are below this directory: an image that is being built')
    .addOption(
      new Option('--format <format>', 'what the files are; by name and content unless told').choices(FORMATS),
    )
    .option('--repofrompath', "print dnf's arguments for *.repos; write nothing")
    .option('--releasever <version>', 'what $releasever stands for in repository ids')
    .option('--basearch <arch>', 'what $basearch stands for')
    .option('--arch <arch>', 'what $arch stands for')
    .option('--keep-yum-cache', 'let yum 3 go on with the newest state that it has seen')
    .option('--json', 'what was done, for scripts')
    .action(async (files: string[], options: InjectCommandOptions, command: Command) => {
      if (options.index === '') command.error('error: --index is empty')
      if (options.failOpen !== true && findIndex(options.index, process.env) === undefined)
        command.error(`error: name an index with --index or ${INDEX_VARIABLE}`)
      onDone(await injectFiles(files, options))
    })
}

function readProxyRule(text: string): ProxyRule {
  const rule = Object.hasOwn(PROXY_RULES, text) ? PROXY_RULES[text] : undefined
  if (rule === undefined)
    throw new InvalidArgumentError(`It is none of: ${Object.keys(PROXY_RULES).join(', ')}.`)
  return rule
}
