import { Html, html } from '../html.ts'

/** Pictures beside words, drawn once a page. */
export const SYMBOLS = new Html(
  `<svg class="defs" aria-hidden="true"><defs>${Object.entries({
    logo: '<path fill="currentColor" d="M8 .6 12.4 6h-2l3.4 5H9v4.2H7V11H2.2l3.4-5h-2z"/>',
    pin: '<path d="M5.5 2h5M6.3 2v4.2L4 9.2h8L9.7 6.2V2M8 9.2V14"/>',
    warn: '<path d="M8 2.2 14.4 13.5H1.6zM8 6.6v3.2M8 11.6v.1"/>',
    lostx: '<circle cx="8" cy="8" r="6.2"/><path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4"/>',
    down: '<path d="M5 10.5H4a3 3 0 0 1-.3-6A4.2 4.2 0 0 1 11.6 5a2.8 2.8 0 0 1 .6 5.4M8 8v3.2M8 13.6v.1"/>',
    swap: '<path d="M2.5 5.5h10m-2.6-2.6 2.6 2.6-2.6 2.6M13.5 10.5h-10m2.6-2.6-2.6 2.6 2.6 2.6"/>',
    sync: '<path d="M13.4 6.5A5.7 5.7 0 0 0 3 5.2M2.6 9.5A5.7 5.7 0 0 0 13 10.8M3 2.2v3h3m7 8.6v-3h-3"/>',
    ok: '<path d="m3 8.6 3.2 3.2L13 4.6"/>',
    theme:
      '<circle cx="8" cy="8" r="6.2"/><path fill="currentColor" stroke="none" d="M8 1.8a6.2 6.2 0 0 1 0 12.4z"/>',
  })
    .map(([name, shape]) => `<symbol id="${name}" viewBox="0 0 16 16">${shape}</symbol>`)
    .join('')}</defs></svg>`,
)

export type IconName = 'pin' | 'warn' | 'lostx' | 'down' | 'swap' | 'sync' | 'ok' | 'theme'

/** A picture; the words beside it say the same. */
export function icon(name: IconName, more = ''): Html {
  return html`<svg class="i${more}" aria-hidden="true"><use href="#${name}" /></svg>`
}
