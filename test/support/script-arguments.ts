import { readFileSync } from 'node:fs'

/**
 * What a script is told, by a function that throws where it is wrong. `--help` prints the comment that the script's file begins with, and
 * ends it; what is wrong is told, and ends it with 2.
 */
export function readArguments<T>(file: string, parse: (args: readonly string[]) => T): T {
  const args = process.argv.slice(2)
  if (args.includes('--help')) {
    process.stdout.write(`${firstComment(readFileSync(file, 'utf8'))}\n`)
    return process.exit(0)
  }
  try {
    return parse(args)
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n--help tells what it may be\n`)
    return process.exit(2)
  }
}

/** A value that is one of several. @throws Error that says which option it is, and what it may be */
export function chooseFrom<const T extends string>(option: string, all: readonly T[], text: string): T {
  const found = all.find((one) => one === text)
  if (found === undefined) throw new Error(`${option} takes one of ${all.join(', ')}: ${text}`)
  return found
}

/** A whole number of at least as much as told. @throws Error that says which option has none */
export function parseWhole(option: string, text: string, least = 0): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < least)
    throw new Error(`${option} takes a whole number${least > 0 ? ` from ${least}` : ''}: ${text}`)
  return Number(text)
}

/** A number above zero, with or without a fraction. @throws Error that says which option has none */
export function parseAmount(option: string, text: string): number {
  if (!/^\d{1,9}(?:\.\d{1,20})?$/.test(text) || Number(text) === 0)
    throw new Error(`${option} takes a number above 0: ${text}`)
  return Number(text)
}

/** A seed that was given, or one that is short enough to be typed again. @throws Error when it is no whole number */
export function parseSeed(text: string | undefined): number {
  return text === undefined ? Date.now() % 1_000_000 : parseWhole('--seed', text)
}

/** Whole numbers above zero, at most as many as told. @throws Error that says which is none */
export function parseNumbers(args: readonly string[], most: number): number[] {
  const wrong = args.find((text, at) => at >= most || !/^[1-9]\d{0,8}$/.test(text))
  if (wrong !== undefined)
    throw new Error(
      most === 0 ? `it takes no arguments: ${wrong}` : `it takes at most ${most} whole numbers: ${wrong}`,
    )
  return args.map(Number)
}

/** The text of the comment that a file begins with, without its asterisks. */
export function firstComment(source: string): string {
  const [, text = ''] = /^\/\*\*([\s\S]*?)\*\//.exec(source) ?? []
  return text.replaceAll(/^ \* ?/gm, '').trim()
}
