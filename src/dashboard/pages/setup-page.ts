import { noSuchMirror } from '../../model/no-such-mirror.ts'
import { snapshotPath } from '../../model/snapshot-path.ts'
import { formatMirrorRepo } from '../../proxy/mirror-repo.ts'
import type { FarmMirror } from '../../snapshot/farm/farm.ts'
import type { DashboardContext, Page, PageRequest } from '../context.ts'
import { html, type Html, type HtmlPart } from '../html.ts'
import { Links } from '../links.ts'
import { copyLine } from '../parts/pieces.ts'
import { clip, upperFirst } from '../text.ts'
import { jobLine } from './farm-page.ts'

/** Of a mirror without a snapshot. */
const NO_LAYOUT = { climb: 0 }
/** Mirrors offered at a time: of more, the name is typed. */
const MAX_OFFERED = 200

/** How to use this server, from a CI job to a machine of one's own. */
export async function setupPage(context: DashboardContext, request: PageRequest): Promise<Page> {
  const links = new Links(request.prefix)
  const { base, query } = request
  const mirrors = (await context.snapshots.farm.mirrors(context.now())).filter(
    ({ current, listed }) => listed && current !== undefined,
  )
  const asked = (query.get('mirror') ?? '').trim()
  // Not the lines of another one, which somebody may copy.
  const chosen = asked === '' ? mirrors[0] : mirrors.find(({ name }) => name === asked)
  const isRolling = query.get('at') === 'rolling'
  const isLocal = /^https?:\/\/(?:127\.|localhost|\[::1\])/.test(base)
  const body = html`<div class="hero">
      <div>
        <h1>Set me up</h1>
        <p>
          Lines for this very server,
          ${base}.${isLocal && html` Other machines cannot reach that name: <code>public_url</code> in ${context.configName()} gives it one that they can.`}
        </p>
      </div>
    </div>
    <div class="blocks">
      ${block(
        'job',
        'A CI job',
        'Does not change while the job runs: the first look freezes what the farm is, under the name of the job.',
        [
          copyLine(jobLine(base)),
          html`<p>
            The name is <code>$BUILD_TAG</code> in Jenkins, <code>$CI_JOB_ID</code> in GitLab,
            <code>$GITHUB_RUN_ID</code> in GitHub Actions.
          </p>`,
        ],
      )}
      ${block(
        'slave',
        'Any slave, with nothing but sh and curl',
        'Gives yum, dnf and zypper what the job is to see, and afterwards the slave back as it was.',
        [
          copyLine(`curl -fsSO ${base}/client.sh`),
          copyLine('sh client.sh begin --view "$BUILD_TAG"'),
          copyLine('sh /var/lib/pinyon/open/client.sh commit --view "$BUILD_TAG"'),
          copyLine('sh /var/lib/pinyon/open/client.sh rollback --view "$BUILD_TAG"'),
        ],
      )}
      ${block('file', 'One file', 'Sections whose id is a mirror here are given its address; everything else stays byte for byte.', copyLine(`curl -fsS --data-binary @/etc/yum.repos.d/x.repo "${base}/repos/inject?view=$BUILD_TAG&strict=1"`))}
      ${machine({ chosen, asked, mirrors, isRolling }, context, { links, base })}
      ${chosen !== undefined && more(chosen, isRolling, base)}
    </div>`
  return { title: 'Set me up', place: 'setup', body, isFixed: true }
}

function block(id: string, title: string, promise: string, lines: HtmlPart): Html {
  return html`<section class="card" id="${id}" aria-labelledby="h-${id}">
    <header>
      <h2 id="h-${id}">${title}</h2>
      <span class="mu say">${promise}</span>
    </header>
    <div class="body lines">${lines}</div>
  </section>`
}

function machine(
  {
    chosen,
    asked,
    mirrors,
    isRolling,
  }: {
    readonly chosen: FarmMirror | undefined
    /** Empty for none in particular. */
    readonly asked: string
    readonly mirrors: readonly FarmMirror[]
    readonly isRolling: boolean
  },
  context: DashboardContext,
  { links, base }: { readonly links: Links; readonly base: string },
): Html {
  const promise = isRolling
    ? 'Follows what jobs get, from now on.'
    : 'Never changes: this snapshot is kept for as long as somebody uses it.'
  if (chosen === undefined && asked === '')
    return block('machine', 'My machine', 'Works as soon as a mirror has its first snapshot.', undefined)
  const options = mirrors.slice(0, MAX_OFFERED).map(({ name }) => html`<option value="${name}"></option>`)
  const form = html`<form class="choose" action="${links.to('/setup')}#machine">
    <label
      >Mirror <input class="find" name="mirror" list="names" value="${chosen?.name ?? clip(asked)}" /></label
    ><datalist id="names">${options}</datalist
    ><label><input type="radio" name="at" value="current" ${!isRolling && html` checked`} /> frozen</label
    ><label><input type="radio" name="at" value="rolling" ${isRolling && html` checked`} /> rolling</label
    ><button class="btn">Show</button>
  </form>`
  if (chosen === undefined) {
    const known = mirrors.map(({ name }) => name)
    const reason = upperFirst(noSuchMirror(asked, known, 'what jobs get').message)
    return block('machine', 'My machine', promise, [form, html`<p class="lost" role="alert">${reason}.</p>`])
  }
  const view = isRolling ? 'latest' : (chosen.current?.name ?? 'latest')
  const repo = formatMirrorRepo({
    mirror: chosen.name,
    view,
    layout: chosen.current ?? NO_LAYOUT,
    base,
    settings: context.clientSettings(chosen.name),
  })
  const at = isRolling ? 'rolling' : 'current'
  const url = `${base}/setup.repo?mirror=${encodeURIComponent(chosen.name)}&at=${at}`
  return block('machine', 'My machine', promise, [
    form,
    copyLine(`curl -fsS -o /etc/yum.repos.d/${chosen.name}.repo "${url}"`),
    copyLine(repo.trimEnd(), { isBlock: true }),
    html`<p>
      Several at once: <code>?mirror=a,b</code>; all of them without <code>mirror</code>; as they were at a
      generation with <code>at=generation:N</code>.
    </p>`,
  ])
}

function more(chosen: FarmMirror, isRolling: boolean, base: string): Html {
  const { name, current } = chosen
  const view = isRolling ? 'latest' : (current?.name ?? 'latest')
  const url = `${base}${snapshotPath({ ...(current ?? NO_LAYOUT), mirror: name, name: view })}`
  // Where the shell is to leave $basearch alone, and where nobody replaces it.
  const named = url.includes('$') ? `'${name},${url}'` : `${name},${url}`
  const one = url.replaceAll('$basearch', current?.arches?.[0] ?? '')
  const file = `${base}/setup.repo?mirror=${encodeURIComponent(name)}&at=${isRolling ? 'rolling' : 'current'}`
  return html`${block('dnf', 'dnf, once', 'For one command, without any file.', copyLine(`dnf --repofrompath=${named} --repo=${name} list --available`))}
  ${block('mock', 'mock', 'In a configuration of your own, after its include().', copyLine(`config_opts['dnf.conf'] += """\n[${name}]\nname=${name}\nbaseurl=${url}\n"""`, { isBlock: true }))}
  ${block('zypper', 'zypper', 'The same repository, for openSUSE’s tools.', copyLine(`zypper addrepo --refresh "${file}"`))}
  ${block(
    'container',
    'Containerfile, podman build',
    'Each build sees what the farm was when its view was frozen.',
    [
      copyLine(`ADD ${file} /etc/yum.repos.d/${name}.repo`),
      copyLine(`podman build --build-arg CI_MIRRORS_URL=${base}/repos/views/$BUILD_TAG/all_latest.json .`),
    ],
  )}
  ${block('one', 'One file with curl', 'Any path below a snapshot can be had like that.', copyLine(`curl -fsSO ${one}/repodata/repomd.xml`))}`
}
