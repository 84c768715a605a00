import type { Random } from '../support/random.ts'

/** Characters that need care somewhere: in XML, in UTF-8, in hrefs. */
const ODD_CHARACTERS = ['&', '<', '>', '"', "'", 'ü', 'é', '~', '^', '+', '%', ' ', '.', 'à', 'ÿ']

/** Only for documents in UTF-8. */
const WIDE_CHARACTERS = ['€', '漢', '😀', '\u00a0', '\u2028']

const HIDDEN = [
  '<!-- <package type="rpm"><name>hidden</name></package> -->',
  '<!-- -> " \' & < ]]> -->',
  '<!-- </package>\n<package type="rpm"> -->',
  '<group><package></package>\n<package type="rpm"><name>nested</name></package></group>',
  '<?pi <package> </metadata> ?>',
  '<x:other xmlns:x="urn:x"><package type="rpm"><name>nested</name></package></x:other>',
  '<other a=">" b=\'</package>\'><![CDATA[</package></metadata>]]></other>',
  '<other/>',
  '<package-like attribute="/>"/>',
]

function escaped(value: string): string {
  return value.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c)
}

function empty(name: string): string {
  return `    <rpm:${name}/>\n`
}

/** Writes primary documents in the many ways XML allows. Two with the same choices are the same. */
export class PrimaryGenerator {
  readonly #random: Random
  readonly #isLatin: boolean
  readonly #prefix: string

  constructor(random: Random) {
    this.#random = random
    this.#isLatin = random.once(8)
    this.#prefix = random.once(4) ? random.pick(['c:', 'primary:', 'package:']) : ''
  }

  /** A document of up to eight packages, as bytes in its encoding and as characters. */
  document(): { bytes: Buffer; text: string } {
    const random = this.#random
    const packages = Array.from({ length: random.below(9) }, (_, index) => this.#package(index))
    const between = () => (random.once(5) ? `${this.#space()}${random.pick(HIDDEN)}\n` : '')
    const text =
      `${this.#declaration()}${random.once(6) ? '<!-- <metadata> -->\n' : ''}` +
      `<${this.#prefix}metadata${this.#namespaces()} packages="${packages.length}"${this.#space()}>\n` +
      `${packages.map((element) => between() + element).join('')}${between()}</${this.#prefix}metadata>` +
      random.pick(['', '\n', '\n<!-- end -->\n', '<?end?>'])
    if (this.#isLatin) return { bytes: Buffer.from(text, 'latin1'), text }
    return { bytes: Buffer.from((random.once(6) ? '\ufeff' : '') + text), text }
  }

  #declaration(): string {
    if (this.#isLatin) return `<?xml version='1.0' encoding='ISO-8859-1'?>\n`
    return this.#random.pick([
      '<?xml version="1.0" encoding="UTF-8"?>\n',
      `<?xml version='1.0' encoding='utf-8' standalone="yes" ?>\n`,
      '<?xml version="1.0"?>',
      '',
    ])
  }

  #namespaces(): string {
    const own = this.#prefix === '' ? 'xmlns' : `xmlns:${this.#prefix.slice(0, -1)}`
    return ` ${own}="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"`
  }

  #package(index: number): string {
    const isPlain = this.#prefix === '' && this.#random.once(2)
    return isPlain ? this.#canonical(index) : this.#arbitrary(index)
  }

  /** As createrepo_c would write it. */
  #canonical(index: number): string {
    const random = this.#random
    const odd = () => escaped(this.#word())
    return (
      `<package type="rpm">\n  <name>name-${index}${odd()}</name>\n  <arch>x86_64</arch>\n` +
      `  <version epoch="${random.below(3)}" ver="1.${index}" rel="${random.below(9)}.el9"/>\n` +
      `  <checksum type="sha256" pkgid="YES">${random.hex(64)}</checksum>\n` +
      `  <summary>${odd()}</summary>\n  <description>${odd()}${random.pick(['', '!', '?', '\n'])}</description>\n` +
      `  <packager>${odd()}</packager>\n  <url>http://example.org/${odd()}</url>\n` +
      `  <time file="1" build="2"/>\n  <size package="${random.below(1e9)}" installed="1" archive="2"/>\n` +
      `  <location href="${random.once(20) ? '../' : ''}Packages/n/name-${index}${odd()}.rpm"/>\n` +
      `  <format>\n${this.#canonicalFormat(index)}${random.once(6) ? random.pick(HIDDEN) : ''}` +
      `    <file>/usr/bin/${odd()}</file>\n  </format>\n</package>${random.pick(['\n', '', '\n\n'])}`
    )
  }

  /** What createrepo_c writes of a package's source, and what others leave out, add, or put elsewhere. */
  #canonicalFormat(index: number): string {
    const random = this.#random
    const full = (name: string) => `    <rpm:${name}>${escaped(this.#word())}</rpm:${name}>\n`
    const source = random.pick([
      `    <rpm:sourcerpm>name-${index}${escaped(this.#word())}-1.${index}-1.src.rpm</rpm:sourcerpm>\n`,
      `    <rpm:sourcerpm>name-1-1.nosrc.rpm</rpm:sourcerpm>\n`,
      `    <rpm:sourcerpm> other-1-${index}.src.rpm\n</rpm:sourcerpm>\n`,
      `    <rpm:sourcerpm>no name</rpm:sourcerpm>\n`,
      `    <rpm:sourcerpm >a-1-1.src.rpm</rpm:sourcerpm>\n<rpm:sourcerpm>b-1-1.src.rpm</rpm:sourcerpm>`,
      `    <rpm:sourcerpm>a<b/>-1-1.src.rpm</rpm:sourcerpm>\n`,
      empty('sourcerpm'),
      '',
    ])
    const before = ['license', 'vendor', 'group', 'buildhost'].flatMap((name) =>
      random.once(20) ? [] : [(random.once(3) ? empty : full)(name)],
    )
    const lines = [...before, source, '    <file>/usr/share/sourcerpm</file>\n']
    return (random.once(8) ? random.shuffle(lines) : lines).join('')
  }

  /** With everything as differently as it can be. */
  #arbitrary(index: number): string {
    const random = this.#random
    const version = this.#attributes([
      ...(random.once(3) ? [] : [['epoch', random.pick(['0', '1', '12', ''])] as const]),
      ['ver', `1.${index}`],
      ...(random.once(8) ? [] : [['rel', `${index}~rc1^git`] as const]),
    ])
    const location = this.#attributes([
      ['href', `${random.pick(['', './', 'a//', '/', '../'])}p/${index}${this.#word()}.rpm`],
      ...(random.once(4) ? [['xml:base', random.pick(['', 'http://example.org/x y/'])] as const] : []),
    ])
    const children = [
      this.#element('name', '', `name-${index}${this.#word()}`),
      this.#element('arch', '', 'noarch'),
      this.#empty('version', version),
      this.#element('checksum', this.#attributes([['type', 'sha']]), random.hex(40)),
      this.#empty('location', location),
      this.#element('description', '', this.#word()),
      ...(random.once(3) ? [] : [this.#empty('size', this.#attributes([['package', '1234']]))]),
      ...(random.once(2) ? [random.pick(HIDDEN)] : []),
      this.#format(index),
    ]
    const tag = `${this.#prefix}package`
    const content = random.shuffle(children).join(random.pick(['', '\n', '\t ', '\r\n']))
    return `<${tag}${this.#attributes([['type', 'rpm']])}${this.#space()}>${content}</${tag}${this.#space()}>\n`
  }

  #format(index: number): string {
    const random = this.#random
    const tag = `${this.#prefix}format`
    const source = () => {
      const name = `${random.pick(['name', 'other'])}-${index}${this.#word()}-1.${index}-${index}~rc1^git.src.rpm`
      return `<rpm:sourcerpm${this.#space()}>${this.#space()}${this.#content(name)}</rpm:sourcerpm>`
    }
    const parts = [
      '<rpm:provides><rpm:entry name="a>b"/><rpm:sourcerpm>in-1-1.src.rpm</rpm:sourcerpm></rpm:provides>',
      ...(random.once(4) ? [] : [source()]),
      ...(random.once(8) ? [source()] : []),
    ]
    return `<${tag}>${random.shuffle(parts).join('')}</${tag}>`
  }

  #element(name: string, attributes: string, value: string): string {
    const tag = this.#prefix + name
    const space = this.#space()
    return `<${tag}${attributes}>${space}${this.#content(value)}${space}</${tag}>`
  }

  #empty(name: string, attributes: string): string {
    const tag = this.#prefix + name
    return this.#random.once(2) ? `<${tag}${attributes}/>` : `<${tag}${attributes}></${tag}>`
  }

  #attributes(pairs: readonly (readonly [string, string])[]): string {
    return this.#random
      .shuffle(pairs)
      .map(([name, value]) => {
        const quote = this.#random.pick(['"', "'"])
        const equals = this.#random.once(6) ? ' = ' : '='
        const escaped = this.#characters(value, (c) => c === '&' || c === '<' || c === quote)
        return ` ${this.#space()}${name}${equals}${quote}${escaped}${quote}`
      })
      .join('')
  }

  #content(value: string): string {
    if (this.#random.once(6)) return `<![CDATA[${value}]]>`
    const content = this.#characters(value, (c) => c === '&' || c === '<' || c === '>')
    return this.#random.once(10) ? `<!-- & -->${content}<!-- </package> --><?x?>` : content
  }

  /** The value with the characters that must be, and a few that need not be, written as references. */
  #characters(value: string, mustEscape: (character: string) => boolean): string {
    return Array.from(value, (c) => (mustEscape(c) || this.#random.once(15) ? this.#reference(c) : c)).join(
      '',
    )
  }

  #reference(character: string): string {
    const code = character.codePointAt(0) ?? 0
    const named = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }[character]
    const numbers = [`&#${code};`, `&#x${code.toString(16)};`, `&#x00${code.toString(16).toUpperCase()};`]
    return this.#random.pick(named === undefined ? numbers : [named, ...numbers])
  }

  #word(): string {
    const characters = this.#isLatin ? ODD_CHARACTERS : [...ODD_CHARACTERS, ...WIDE_CHARACTERS]
    const odd = Array.from({ length: this.#random.below(4) }, () => this.#random.pick(characters)).join('')
    return this.#random.once(2) ? '' : `-${odd}-`
  }

  #space(): string {
    return this.#random.pick(['', '', '', ' ', '\n  ', '\t'])
  }
}
