import { InvalidArgumentError, Option, type Command } from 'commander'

import type { ProxyRule } from '../inject/injection.ts'
import { ARCH_NAME, MAX_ARCHES } from '../model/arch.ts'
import type { CommandLine } from './exit.ts'
import type { ImportOptions } from './import.ts'
import { INDEX_VARIABLE } from './inject/index-variable.ts'
import type { InjectCommandOptions } from './inject/run.ts'

const PROXY_RULES: Readonly<Record<string, ProxyRule>> = {
  auto: 'auto',
  // No proxy, in the word that the distribution has for it.
  none: 'auto',
  keep: 'keep',
  _none_: '_none_',
  None: 'None',
}
const FORMATS = ['yum', 'repos', 'mock']

/** Adds the command that makes mirrors of yum and dnf configuration. */
export function addImport({ add, onDone }: CommandLine): void {
  add(
    'import',
    'print mirrors: for yum and dnf configuration, with a comment for what cannot be carried over',
  )
    .argument('<file...>', 'yum.conf, *.repo, a directory of these, or - for standard input')
    .option('--releasever <version>', 'what $releasever stands for, such as 9')
    .option('--basearch <arch>', 'what $basearch stands for, such as x86_64')
    .addOption(
      new Option('--arches <list>', 'as one mirror: all that $basearch stands for, such as x86_64,aarch64')
        .argParser(readArches)
        .conflicts('basearch'),
    )
    .option(
      '--var <name=value>',
      'what another variable stands for; may be repeated',
      readVariable,
      new Map(),
    )
    .action(async (paths: string[], options: ImportOptions) => {
      const { importFiles } = await import('./import.ts')
      onDone(await importFiles(paths, options))
    })
}

/** Reads the architectures of a command line. Throws what commander tells. */
function readArches(text: string): readonly string[] {
  const arches = text.split(',')
  const isList = arches.every((arch) => ARCH_NAME.test(arch)) && new Set(arches).size === arches.length
  if (!isList || arches.length > MAX_ARCHES)
    throw new InvalidArgumentError(
      `It is no list of up to ${MAX_ARCHES} architectures such as x86_64,aarch64.`,
    )
  return arches
}

function readVariable(text: string, known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, name, value] = /^([A-Za-z0-9_]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It is not NAME=VALUE.')
  return new Map([...known, [name, value]])
}

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
      const { findIndex } = await import('./inject/index-source.ts')
      if (options.failOpen !== true && findIndex(options.index, process.env) === undefined)
        command.error(`error: name an index with --index or ${INDEX_VARIABLE}`)
      const { injectFiles } = await import('./inject/run.ts')
      onDone(await injectFiles(files, options))
    })
}

function readProxyRule(text: string): ProxyRule {
  const rule = Object.hasOwn(PROXY_RULES, text) ? PROXY_RULES[text] : undefined
  if (rule === undefined)
    throw new InvalidArgumentError(`It is none of: ${Object.keys(PROXY_RULES).join(', ')}.`)
  return rule
}
