import { assetPath } from './assets.ts'
import type { Page, PageRequest, Place } from './context.ts'
import { html, type Html } from './html.ts'
import { Links } from './links.ts'
import { icon, SYMBOLS } from './parts/icons.ts'

/** How often a page without script is asked for again, in seconds. */
const REFRESH_SECONDS = 60

const NAVIGATION: readonly (readonly [Place, string, string, string])[] = [
  ['mirrors', '/', 'Mirrors', 'm'],
  ['changes', '/generations', 'Changes', 'c'],
  ['usage', '/usage', 'Usage', 'u'],
  ['views', '/views', 'Views', 'v'],
  ['setup', '/setup', 'Set me up', 's'],
]

const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'search'],
  ['j k', 'next, previous row'],
  ['Enter', 'open it'],
  ['c', "copy the row's address"],
  ['g then m c u v s', 'mirrors, changes, usage, views, set me up'],
  ['.', 'pause updates'],
  ['t', 'light or dark'],
  ['?', 'this list'],
]

/** What edits the configuration file can be done elsewhere as well: there is no such thing on the overview. */
const SAME = html`<details data-same hidden>
  <summary>The same as a command, or a patch</summary>
  <div class="line">
    <code tabindex="0" data-command></code><button type="button" class="copy">Copy</button>
  </div>
  <button type="button" class="btn" data-show>Show the patch</button>
  <div class="line blk" data-patch hidden>
    <pre tabindex="0"></pre>
    <button type="button" class="copy">Copy</button>
  </div>
</details>`

const GREEN = '2f7a5a'
const RED = 'cf3b2e'

/** What all pages have around what is theirs. */
export function layOut(
  page: Page,
  { prefix, theme, query }: Pick<PageRequest, 'prefix' | 'theme' | 'query'>,
  { version, hasTokens }: { readonly version: string; readonly hasTokens: boolean },
): string {
  const links = new Links(prefix)
  const refresh = page.isFixed !== true && query.get('refresh') !== 'off'
  return html`<!doctype html>
    <html lang="en" ${theme === undefined ? '' : html` data-theme="${theme}"`}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>${page.title}, pinyon</title>
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="${favicon(page.isAlarming === true)}" />
        <link rel="stylesheet" href="${prefix}${assetPath('ui.css')}" />
        ${page.isOverview !== true && html`<link rel="stylesheet" href="${prefix}${assetPath('more.css')}" />`}
        <script src="${prefix}${assetPath('ui.js')}" defer></script>
        ${hasTokens && html`<script src="${prefix}${assetPath('write.js')}" defer></script>`}
        ${refresh && html`<noscript><meta http-equiv="refresh" content="${REFRESH_SECONDS}" /></noscript>`}
      </head>
      <body data-prefix="${prefix}" ${page.isFixed === true && html` data-fixed`}>
        ${SYMBOLS}<a class="skip" href="#main">Skip to content</a>${header(page, links, query)}
        <main class="wrap" id="main" tabindex="-1">
          <p class="strip" id="strip" role="status" hidden></p>
          ${page.body} ${footer(page, links, { version, hasTokens })}
        </main>
        ${keys(links)}${hasTokens && writeDialog(page.isOverview === true)}
      </body>
    </html> `.text
}

function header(page: Page, links: Links, query: URLSearchParams): Html {
  const items = NAVIGATION.map(
    ([place, path, name, key]) =>
      html`<a href="${links.to(path)}" data-key="${key}" ${place === page.place && html` aria-current="page"`}
        >${name}</a
      >`,
  )
  return html`<header class="top">
    <div class="wrap">
      <a class="brand" href="${links.to('/')}"
        ><svg aria-hidden="true"><use href="#logo" /></svg>pinyon</a
      >
      <nav class="nav" aria-label="Main">${items}</nav>
      <form role="search" action="${links.to('/search')}">
        <label class="sr" for="q">Find a mirror or a package</label
        ><input
          class="find"
          id="q"
          name="q"
          type="search"
          placeholder="Find a mirror or package   /"
          value="${page.title.startsWith('Search') ? (query.get('q') ?? '') : ''}"
        /><button
          type="button"
          class="btn ghost jsonly"
          data-theme-btn
          aria-label="Switch between light and dark"
        >
          ${icon('theme')}
        </button>
      </form>
    </div>
  </header>`
}

function footer(
  page: Page,
  links: Links,
  { version, hasTokens }: { readonly version: string; readonly hasTokens: boolean },
): Html {
  return html`<footer class="page">
    <span>pinyon ${version}</span
    ><span>All times UTC.${page.isFixed !== true && ' Checked for changes every 15 s.'}</span
    ><a href="${links.to('/activity')}">Checks and failures</a
    >${page.json !== undefined && html`<a href="${page.json}">This page as JSON</a>`}<a
      href="${links.to('/metrics')}"
      >Metrics</a
    >${hasTokens && html`<button type="button" class="lnk jsonly" data-forget hidden>Forget the token</button>`}<button
      type="button"
      class="lnk jsonly"
      data-keys
    >
      <kbd>?</kbd> keyboard
    </button>
  </footer>`
}

function keys(links: Links): Html {
  const rows = KEYS.map(
    ([key, what]) =>
      html`<tr>
        <th scope="row"><kbd>${key}</kbd></th>
        <td>${what}</td>
      </tr>`,
  )
  return html`<dialog id="keys" aria-labelledby="keys-h" data-root="${links.to('/')}">
    <form method="dialog">
      <h2 id="keys-h">Keyboard</h2>
      <table class="kb">
        <tbody>
          ${rows}
        </tbody>
      </table>
      <label class="ck"><input type="checkbox" data-keys-off /> Single keys off</label>
      <p class="do"><button class="btn">Close</button></p>
    </form>
  </dialog>`
}

/** What a write is confirmed in. The token stays in the tab, and goes out in a header that no foreign page can set. */
function writeDialog(isOverview: boolean): Html {
  return html`<dialog id="write" aria-labelledby="write-h">
    <form>
      <h2 id="write-h"></h2>
      <p data-text></p>
      <p data-why hidden>
        <label for="write-why">Why, as the comment on its line</label
        ><input class="find" id="write-why" autocomplete="off" maxlength="200" />
      </p>
      <p data-name hidden>
        <label for="write-name"></label><input class="find" id="write-name" autocomplete="off" />
      </p>
      <p data-token>
        <label for="write-token">Token</label
        ><input class="find" id="write-token" type="password" autocomplete="off" />
      </p>
      ${!isOverview && SAME}
      <p class="lost" role="alert" data-error></p>
      <p class="do">
        <button type="button" class="btn" data-cancel>Cancel</button
        ><button class="btn main" data-do></button>
      </p>
    </form>
  </dialog>`
}

function favicon(isAlarming: boolean): string {
  const path = 'M8 .6 12.4 6h-2l3.4 5H9v4.2H7V11H2.2l3.4-5h-2z'
  return `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23${isAlarming ? RED : GREEN}' d='${path}'/%3E%3C/svg%3E`
}
