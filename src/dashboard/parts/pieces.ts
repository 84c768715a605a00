import { Html, html, type HtmlPart } from '../html.ts'
import { percent } from '../text.ts'
import { icon, type IconName } from './icons.ts'

/** The colours that a word can have. */
export type Tone = 'pin' | 'risk' | 'lost' | 'sync' | 'cur' | 'plain'

/** The longest part of a path that is kept on one line. */
const MAX_UNBROKEN = 36
/** A note beside a heading, on a phone as well, in characters. */
const SHORT_NOTE = 12

/** A picture and a word. */
export function badge(tone: Tone, text: string, picture?: IconName): Html {
  return html`<span class="tag ${tone}">${picture !== undefined && icon(picture)}${text}</span>`
}

/** Text to be copied as a whole: one click selects it, and where a script runs a button copies it. */
export function copyLine(text: string, { isBlock = false } = {}): Html {
  const button = html`<button type="button" class="copy">Copy</button>`
  if (!isBlock) return html`<div class="line"><code tabindex="0">${breakable(text)}</code>${button}</div>`
  return html`<div class="line blk">
    <pre tabindex="0">${breakable(text)}</pre>
    ${button}
  </div>`
}

/** Text that breaks after slashes and blanks, not within names. */
function breakable(text: string): Html {
  const parts = text.split(/(?<=[/\n])|(?=[ \n])/)
  return html`${parts.map((part, at) => [
    at > 0 && new Html('<wbr>'),
    part.length <= MAX_UNBROKEN && part.includes('-') ? html`<span class="nb">${part}</span>` : part,
  ])}`
}

/** What a number counts, for who sees no head of its column: a row of a phone's list. */
export function unit(number: number, noun: string): Html {
  return html`<span class="unit"> ${number === 1 ? noun : `${noun}s`}</span>`
}

/** How much of a whole is what. What is there is seen, however little it is. */
export function completenessBar(
  { cached, atRisk, lost, total }: Readonly<Record<'cached' | 'atRisk' | 'lost' | 'total', number>>,
  isBig = false,
): Html {
  const piece = (kind: string, part: number) =>
    part > 0 && html`<i class="${kind} w${percent(part, total)}"></i>`
  return html`<span class="bar${isBig && ' big'}" aria-hidden="true"
    >${piece('a', cached)}${atRisk + lost > 0 && html`<i class="d"></i>`}${piece('r', atRisk)}${piece('l', lost)}</span
  >`
}

/** How far something is. */
export function progressBar(done: number, total: number, label: string): Html {
  const part = total <= 0 ? 0 : Math.min(100, Math.round((done / total) * 100))
  return html`<span
    class="prog"
    role="progressbar"
    aria-label="${label}"
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow="${part}"
    ><i class="w${part}"></i
  ></span>`
}

/** A card with a heading. */
export function card(
  id: string,
  heading: HtmlPart,
  body: HtmlPart,
  {
    note,
    right,
    isLive = true,
  }: { readonly note?: HtmlPart; readonly right?: HtmlPart; readonly isLive?: boolean } = {},
): Html {
  return html`<section class="card" id="${id}" aria-labelledby="h-${id}" ${isLive && html` data-live`}>
    <header>
      <h2 id="h-${id}">${heading}</h2>
      ${note !== undefined && html`<span class="mu${typeof note === 'string' && note.length > SHORT_NOTE && ' say'}">${note}</span>`}${right !== undefined && html`<span class="r">${right}</span>`}
    </header>
    ${body}
  </section>`
}

/** Links between parts of a longer list; nothing for a short one. */
export function pager(pages: number, page: number, link: (page: number) => string): HtmlPart {
  if (pages <= 1) return undefined
  const near = [1, page - 1, page, page + 1, pages]
  const numbers = [...new Set(near.filter((one) => one >= 1 && one <= pages))].toSorted((a, b) => a - b)
  const items = numbers.map((one, at) => [
    one - (numbers[at - 1] ?? one - 1) > 1 && html`<span class="fa">…</span>`,
    one === page
      ? html`<a class="chip" href="${link(one)}" aria-current="page">${one}</a>`
      : html`<a class="chip" href="${link(one)}">${one}</a>`,
  ])
  return html`<nav class="foot" aria-label="Pages"><span>Page</span>${items}</nav>`
}

/** Where a page lies. */
export function crumbs(parts: readonly (readonly [string, string] | string)[]): Html {
  return html`<nav class="crumb" aria-label="Breadcrumb">
    ${parts.map((part, at) => [
      at > 0 && ' / ',
      typeof part === 'string' ? html`<span>${part}</span>` : html`<a href="${part[1]}">${part[0]}</a>`,
    ])}
  </nav>`
}

/** A button that asks the server to change something; there only where a script runs. */
export function writeButton(
  label: HtmlPart,
  write: {
    readonly method: 'POST' | 'PUT' | 'DELETE'
    readonly url: string
    readonly title: string
    readonly text: string
    readonly action: string
    readonly body?: object
    /** Whether it has to be said why. */
    readonly asksWhy?: boolean
    /** What has to be typed first. */
    readonly typed?: string
    /** The ETag of what the page shows: another one by then, and nothing is done. */
    readonly ifMatch?: string
    /** The same on a command line, where it is an edit of the configuration file. */
    readonly command?: string
  },
): Html {
  return html`<button
    type="button"
    class="btn jsonly"
    data-write="${write.method}"
    data-url="${write.url}"
    data-title="${write.title}"
    data-say="${write.text}"
    data-action="${write.action}"
    ${write.body !== undefined && html` data-body="${JSON.stringify(write.body)}"`}${write.asksWhy === true && html` data-asks-why`}${write.typed !== undefined && html` data-typed="${write.typed}"`}${write.ifMatch !== undefined && html` data-if-match="${write.ifMatch}"`}${write.command !== undefined && html` data-command="${write.command}"`}
  >
    ${label}
  </button>`
}
