import { html, type Html, type HtmlPart } from '../html.ts'

/** A column's head, with the classes of its cells where they have any. */
export type Column = string | readonly [name: string, classes: string]

/** What a table shows. */
export interface DataTable {
  /** How it looks: a class of the style sheet. */
  readonly kind: string
  /** What it is, for who does not see it. */
  readonly caption: string
  readonly columns: readonly Column[]
  /** Whether the columns explain themselves to the eye. */
  readonly isHeadHidden?: boolean
  /** A `<tr>` each; in place of them `<tbody>`s. */
  readonly rows?: HtmlPart
  readonly bodies?: HtmlPart
}

/** A table with a caption and a head, as screen readers need them. */
export function dataTable({ kind, caption, columns, isHeadHidden = false, rows, bodies }: DataTable): Html {
  const heads = columns.map((column) => {
    const [name, classes] = typeof column === 'string' ? [column, ''] : column
    return html`<th scope="col" ${classes !== '' && html` class="${classes}"`}>${name}</th>`
  })
  return html`<table class="${kind}">
    <caption class="sr">
      ${caption}
    </caption>
    <thead ${isHeadHidden && html` class="sr"`}>
      <tr>
        ${heads}
      </tr>
    </thead>
    ${
      bodies ??
      html`<tbody>
        ${rows}
      </tbody>`
    }
  </table>`
}
