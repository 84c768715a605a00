import { encodeHref } from './encode-href.ts'
import { PinyonError } from '../model/errors.ts'
import { climbOf } from '../model/href.ts'
import { isTemplate } from '../model/url-template.ts'
import { fallbackUrl, nameFallback } from './fallback-url.ts'
import { getFile } from './file-source.ts'
import { getHttp, type HttpOptions } from './http-source.ts'
import type { SourceReply, SourceRequest } from './source-request.ts'

/** One attempt at one file of one base URL, or of one template, by the URL's scheme. */
export async function getFrom(
  baseurl: string,
  href: string,
  request: SourceRequest,
  http: HttpOptions,
): Promise<SourceReply> {
  const url = urlOf(baseurl, href, request)
  return await (baseurl.startsWith('file:') ? getFile(url, request) : getHttp(url, request, http))
}

function urlOf(baseurl: string, href: string, { values }: SourceRequest): string {
  if (climbOf(href) > 0) return urlAbove(baseurl, href)
  if (!isTemplate(baseurl)) return baseurl + encodeHref(href)
  if (values !== undefined) return fallbackUrl(baseurl, values)
  throw new PinyonError('UPSTREAM_GONE', `${nameFallback(baseurl)} has packages only, and not: ${href}`)
}

/** The URL of what lies above a base URL: of the same server, and not of any directory that nobody configured. */
function urlAbove(baseurl: string, href: string): string {
  if (isTemplate(baseurl))
    throw new PinyonError('UPSTREAM_GONE', `${nameFallback(baseurl)} has nothing of its own above: ${href}`)
  if (baseurl.startsWith('file:'))
    throw new PinyonError('UPSTREAM_GONE', `nothing above the directory ${baseurl} is read: ${href}`)
  return new URL(encodeHref(href), baseurl).href
}
