import { PinyonError } from '../model/errors.ts'
import { fillTemplate, type TemplateField } from '../model/url-template.ts'
import { encodeHref } from './encode-href.ts'

/** What a template's fields stand for. */
export type TemplateValues = Readonly<Record<TemplateField, string>>

/** Values that would make another path than their template means; upstream chose them. */
// oxlint-disable-next-line no-control-regex -- refusing control characters is the point
const UNSAFE = /^\.{0,2}$|[/\u0000-\u001f]/

/**
 * The URL at which a template has a package.
 * @throws PinyonError UPSTREAM_GONE for a package of which it can have none: a value is absent, or would lead elsewhere
 */
export function fallbackUrl(template: string, values: TemplateValues): string {
  return fillTemplate(template, (field) => {
    const value = values[field]
    if (field !== 'href' && UNSAFE.test(value))
      throw new PinyonError(
        'UPSTREAM_GONE',
        `${nameFallback(template)} cannot have it: its ${field} is ${JSON.stringify(value)}`,
      )
    return encodeHref(value)
  })
}

/** A template as it can be shown to anybody: without user and password. */
export function nameFallback(template: string): string {
  return template.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1')
}
