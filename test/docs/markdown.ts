/** A table. What stands in cells may hold anything but line breaks. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').trim()).join(' | ')} |\n`
  return `${line(head)}|${head.map(() => '---').join('|')}|\n${rows.map(line).join('')}`
}

/** Said of every file that is made by `npm run docs`. */
export const GENERATED = '<!-- Made by `npm run docs`: what is changed here by hand is lost. -->'
