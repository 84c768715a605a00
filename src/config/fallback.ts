import { isTemplate, TEMPLATE_FIELDS, templateFields, fillTemplate } from '../model/url-template.ts'
import { parseBaseurl, type Parsed } from './urls.ts'

const KNOWN = TEMPLATE_FIELDS.map((field) => `{${field}}`).join(' ')
const FALLBACK = 'an http, https or file URL'

/** Stands for a field's value while a template is looked at as a URL. */
const SAMPLE = 'sample'

/**
 * Reads a source of what upstream no longer has: the URL of a repository's root, below which hrefs are, or of a single package with its
 * fields in braces.
 *
 * @param base URL of the configuration file, to which `file:vault/` is relative
 */
export function parseFallback(text: string, base: URL): Parsed<string> {
  if (!isTemplate(text)) return parseBaseurl(text, base)
  const unknown = templateFields(text).find((field) => !TEMPLATE_FIELDS.some((known) => known === field))
  if (unknown !== undefined) return { expected: `${FALLBACK} with fields of ${KNOWN}, not {${unknown}}` }
  if (/^[a-z]+:\/\/[^/]*[{}]/i.test(text)) return { expected: `${FALLBACK} with its fields after the host` }
  if (isTemplate(text.replace(/\{[^{}]*\}/g, '')))
    return { expected: `${FALLBACK} with fields such as {name}` }
  const parsed = parseBaseurl(
    fillTemplate(text, () => SAMPLE),
    base,
  )
  if ('expected' in parsed) return parsed
  // A relative file URL is made absolute; otherwise the text stands, as a URL's parser would escape its braces.
  const isRelative = /^file:(?!\/\/)/i.test(text)
  return {
    value: isRelative ? `${base.href.slice(0, base.href.lastIndexOf('/') + 1)}${text.slice(5)}` : text,
  }
}

/** A fallback fit to be printed: credentials become `***`. */
export function maskFallback(text: string): string {
  return text.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1***@')
}
