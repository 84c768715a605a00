/** A table. What stands in cells may hold anything but line breaks. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return `${formatRow(head)}|${head.map(() => '---').join('|')}|\n${rows.map(formatRow).join('')}`
}

function formatRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').trim()).join(' | ')} |\n`
}

/** Said of every file that is made by `npm run docs`. */
export const GENERATED = '<!-- Made by `npm run docs`: what is changed here by hand is lost. -->'
