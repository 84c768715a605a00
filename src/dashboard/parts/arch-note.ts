import { splitArch } from '../../model/arch.ts'
import { html, type HtmlPart } from '../html.ts'

/** Whose repository a package is in, of a snapshot of several architectures and where the package does not say it itself. */
export function archNote(
  { href, arch }: { readonly href: string; readonly arch: string },
  arches: readonly string[] | undefined,
): HtmlPart {
  const own = arches && splitArch(href, arches)?.arch
  return own !== undefined && own !== arch && html`<span class="fa">in ${own}</span>`
}
