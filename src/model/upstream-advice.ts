import { PinyonError, type ErrorCode } from './errors.ts'

/** What an error is about where that says what helps, as its fact `about`: repomd.xml itself, or a metalink or mirrorlist. */
export type ErrorSubject = 'repomd' | 'list'

const BASEURL = 'its baseurl must be the directory that holds repodata/'
const PUBLISHER = 'whoever publishes the repository has to mend that'

const ADVICE: Partial<Record<ErrorCode, string>> = {
  REPODATA_MALFORMED: PUBLISHER,
  UPSTREAM_PAGE:
    'something on the way gives a page in its place: is there a log-in, or a proxy that is needed (proxy:)?',
  UPSTREAM_GONE: `it is listed there and not to be had: ${PUBLISHER}, unless it is just being published`,
  UPSTREAM_TIMEOUT: 'is there a firewall in between, or a proxy that is needed (proxy:)?',
  UPSTREAM_UNREACHABLE: 'is the name right, does DNS know it, is there a proxy that is needed (proxy:)?',
}

const ADVICE_ON: Readonly<Record<ErrorSubject, Partial<Record<ErrorCode, string>>>> = {
  repomd: {
    REPODATA_MALFORMED: `${BASEURL}: a page of a log-in or a listing is none`,
    UPSTREAM_GONE: BASEURL,
  },
  list: {
    REPODATA_MALFORMED: 'its URL must be that of a list of mirrors: a page of a log-in or a listing is none',
    UPSTREAM_GONE: 'is the URL of its metalink or mirrorlist right?',
  },
}

/** An error that says what it is about; what says so already stays as it is. */
export function aboutFile(error: PinyonError, about: ErrorSubject): PinyonError {
  if (error.facts['about'] !== undefined) return error
  return new PinyonError(error.code, error.message, { ...error.facts, about, cause: error })
}

/** What helps when a mirror's upstream has failed in this way; undefined where its error says all there is to say. */
export function adviseOnUpstream({ code, facts }: PinyonError): string | undefined {
  const { about, isExplained } = facts
  // What is wrong with a certificate, or wanted by a proxy, is no question of names and firewalls.
  if (isExplained === true) return undefined
  const own = about === 'repomd' || about === 'list' ? ADVICE_ON[about][code] : undefined
  return own ?? ADVICE[code]
}
