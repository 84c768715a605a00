import type { PageMaker } from './context.ts'
import { activityPage } from './pages/activity-page.ts'
import { changesPage } from './pages/changes-page.ts'
import { diffPage } from './pages/diff-page.ts'
import { farmPage } from './pages/farm-page.ts'
import { generationPage } from './pages/generation-page.ts'
import { mirrorPage } from './pages/mirror-page.ts'
import { packagePage } from './pages/package-page.ts'
import { searchPage } from './pages/search-page.ts'
import { setupPage } from './pages/setup-page.ts'
import { snapshotPage } from './pages/snapshot-page.ts'
import { snapshotsPage } from './pages/snapshots-page.ts'
import { mirrorUsagePage, usagePage } from './pages/usage-page.ts'
import { viewsPage } from './pages/views-page.ts'

/** By path; `*` stands for any one segment, which the page reads itself. */
const PAGES: readonly (readonly [string, PageMaker])[] = [
  ['', farmPage],
  ['mirrors/*', mirrorPage],
  ['mirrors/*/snapshots', snapshotsPage],
  ['mirrors/*/snapshots/*', snapshotPage],
  ['mirrors/*/diff', diffPage],
  ['mirrors/*/packages', packagePage],
  ['mirrors/*/packages/*', packagePage],
  ['generations', changesPage],
  ['generations/*', generationPage],
  ['usage', usagePage],
  ['usage/*', mirrorUsagePage],
  ['views', viewsPage],
  ['setup', setupPage],
  ['activity', activityPage],
  ['search', searchPage],
]

/** What makes the page at a path; undefined where there is none. */
export function findPage(path: readonly string[]): PageMaker | undefined {
  const found = PAGES.find(([pattern]) => {
    const parts = pattern === '' ? [] : pattern.split('/')
    return parts.length === path.length && parts.every((part, at) => part === '*' || part === path[at])
  })
  return found?.[1]
}
