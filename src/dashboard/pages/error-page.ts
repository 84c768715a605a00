import { toPinyonError } from '../../model/errors.ts'
import type { Page, PageRequest } from '../context.ts'
import { html } from '../html.ts'
import { Links } from '../links.ts'
import { clip } from '../text.ts'

const HEADINGS: Readonly<Record<number, string>> = {
  400: 'This address cannot be understood',
  404: 'There is no such page',
  503: 'Too much is asked for just now',
}
const MAX_MESSAGE = 400

/** What a page is when it cannot be made: what was looked for, what was found, and where to go from there. */
export function errorPage(
  error: unknown,
  { prefix }: Pick<PageRequest, 'prefix'>,
): { readonly page: Page; readonly status: number } {
  const { kind, message } = toPinyonError(error)
  const links = new Links(prefix)
  const heading = HEADINGS[kind.status] ?? 'This page could not be made'
  const body = html`<div class="hero">
    <div>
      <h1>${heading}</h1>
      <p>${clip(message, MAX_MESSAGE)}</p>
      <p><a href="${links.to('/')}">All mirrors</a></p>
    </div>
  </div>`
  return { page: { title: heading, place: undefined, body, isFixed: true }, status: kind.status }
}
