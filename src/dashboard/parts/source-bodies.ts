import { compareText } from '../../model/nevra.ts'
import { sourceName, sourceVersion, type Sourced } from '../../model/source-package.ts'
import { html, type Html } from '../html.ts'
import { clip, counted } from '../text.ts'

/**
 * Parts of a table of packages, by name, else in their order: those of one source package stand together under its name, others by themselves.
 * @param columns of the table
 * @param toRow a package's `<tr>`
 */
export function sourceBodies<Item extends Sourced>(
  packages: readonly Item[],
  columns: number,
  toRow: (item: Item) => Html,
): Html[] {
  const groups = Map.groupBy(packages, (one) => one.source ?? one)
  const named = [...groups].map(([source, members]) => {
    const isTogether = typeof source === 'string' && members.length > 1
    const name = isTogether ? sourceName(source) : (members[0]?.name ?? '')
    return { name, source: isTogether ? source : undefined, members }
  })
  return named
    .toSorted((a, b) => compareText(a.name, b.name))
    .map(
      ({ name, source, members }) =>
        html`<tbody>
          ${
            source !== undefined &&
            html`<tr>
              <th scope="rowgroup" colspan="${columns}">
                ${clip(name)} <span class="m mu">${clip(sourceVersion(source))}</span>
                <span class="mu">source of ${counted(members.length, 'package')} here</span>
              </th>
            </tr>`
          }
          ${members.map(toRow)}
        </tbody>`,
    )
}
