import { readFileSync } from 'node:fs'

/** One instruction: its word, the flags before its arguments, and what follows, in one line. */
export interface Instruction {
  readonly word: string
  readonly flags: readonly string[]
  readonly rest: string
}

/** What is built from one FROM. */
export interface Stage {
  readonly name: string
  readonly instructions: readonly Instruction[]
}

/** Reads a Dockerfile: comments go, continued lines are joined. Throws for what stands before the first FROM. */
export function readDockerfile(file: string): readonly Stage[] {
  const text = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
  const stages: { name: string; instructions: Instruction[] }[] = []
  for (const line of text.split('\n').filter(Boolean)) {
    const {
      word = '',
      flags = '',
      rest = '',
    } = /^(?<word>[A-Z]+) (?<flags>(?:--\S+ +)*)(?<rest>.*)$/.exec(line)?.groups ?? {}
    if (word === 'FROM') stages.push({ name: / AS (\S+)$/.exec(rest)?.[1] ?? '', instructions: [] })
    else stages.at(-1)?.instructions.push({ word, flags: flags.split(' ').filter(Boolean), rest })
  }
  return stages
}

/** The command of an instruction in its JSON form; undefined in any other. */
export function parseExec(text: string): readonly string[] | undefined {
  const json = /\[.*\]$/.exec(text)?.[0]
  return json === undefined ? undefined : (JSON.parse(json) as string[])
}
