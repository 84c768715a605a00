import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { injectConfig, type InjectOptions } from '../../src/inject/inject.ts'
import { inject as injectAny, mapOf, refusal } from '../support/injection.ts'
import { runCommand } from '../support/run-command.ts'
import { needs, SYSTEM_PYTHON } from '../support/tools.ts'

const MAP = mapOf({ a: 'http://m/a', 'b-el7': 'http://m/b' }, { 'b-el7': [['x', 'http://m/x']] })

const inject = (text: string, options: InjectOptions = {}) => injectAny(text, MAP, options, 'mock')

/** A configuration with much that is none of ours. */
function surround(inner: string): string {
  return (
    `# config_opts['yum.conf'] = """[a]\nconfig_opts['root'] = 'it"s'  # don't """\nx = "[a]\\nbaseurl=y\\n"\n` +
    `config_opts['yum.conf'] = """${inner}"""\nconfig_opts['other.conf'] = """[a]\n"""\n`
  )
}

describe('mock configurations', () => {
  test('are injected within their texts, and nowhere else', () => {
    assert.equal(
      inject(
        surround('\n[main]\nreposdir=/dev/null\n\n[a]\nname=A "quoted" \'name\'\nmirrorlist=http://up\n\n'),
      ).text,
      surround(
        '\n[main]\nreposdir=/dev/null\n\n[a]\nname=A "quoted" \'name\'\nbaseurl=http://m/a\nproxy=None\n\n',
      ),
    )
  })

  test('may quote and name their texts in every way', () => {
    for (const name of ['yum.conf', 'dnf.conf'])
      for (const [open, close] of [
        [`config_opts['${name}'] = '''`, "'''"],
        [`config_opts["${name}"]="""`, '"""'],
        [`config_opts[ "${name}" ]\t= u'''`, "'''\n"],
        [`config_opts['${name}'] = R"""`, '""" # x'],
        [`config_opts['${name}'] += f'''`, "'''; y = 1"],
        [`config_opts['${name}'] = (\n  """`, '"""  # x\n)'],
        [`config_opts['${name}'] = \\\n  """`, '"""'],
        ["config_opts[f'{config_opts.package_manager}.conf'] += '''", "'''"],
      ] as const)
        assert.equal(
          inject(`${open}\n[a]\nbaseurl=b\nproxy=c\n${close}`).text,
          `${open}\n[a]\nbaseurl=http://m/a\nproxy=None\n${close}`,
        )
  })

  test('write line breaks as their text has them', () => {
    assert.equal(
      inject(String.raw`config_opts['yum.conf'] = '[a]\nname=it\'s\nmetalink=\x62\n'`).text,
      String.raw`config_opts['yum.conf'] = '[a]\nname=it\'s\nbaseurl=http://m/a\nproxy=None\n'`,
    )
    assert.equal(
      inject(String.raw`config_opts['yum.conf'] = "[a]\r\nname=\u00e4"`).text,
      String.raw`config_opts['yum.conf'] = "[a]\r\nname=\u00e4\r\nbaseurl=http://m/a\r\nproxy=None"`,
    )
    assert.equal(
      inject('config_opts["dnf.conf"] = """\\\r\n[a]\r\nbaseurl=\\\r\nb\\\r\nc\r\nname=\\\\d\r\n"""\r\n')
        .text,
      'config_opts["dnf.conf"] = """\\\r\n[a]\r\nbaseurl=http://m/a\r\nname=\\\\d\r\nproxy=None\r\n"""\r\n',
    )
  })

  test('may be put together from several texts', () => {
    assert.equal(
      inject(
        'config_opts["yum.conf"] = ("[main]\\n" # c\n "[b-" "el7]\\nmirror" \'list=x\\n\')\n' +
          'config_opts["root"] = "y"\nconfig_opts["yum.conf"] += """enabled=1\nmetalink=z\n[a]"""\n',
      ).text,
      'config_opts["yum.conf"] = ("[main]\\n[x]\\nbaseurl=http://m/x\\nproxy=None\\n\\n" # c\n "[b-" "el7]\\n" \'\')\n' +
        'config_opts["root"] = "y"\nconfig_opts["yum.conf"] += """enabled=1\nbaseurl=http://m/b\nproxy=_none_\n[a]\nbaseurl=http://m/a\nproxy=None"""\n',
    )
  })

  test('that append to a text from elsewhere may begin within a section', () => {
    const text =
      'include("templates/x.tpl")\nconfig_opts["dnf.conf"] += """\nexclude=a\nbaseurl=b\n[a]\n"""\n'
    const { text: result, warnings } = inject(text, { proxy: 'keep' })
    assert.equal(result, text.replace('[a]\n', '[a]\nbaseurl=http://m/a\n'))
    assert.deepEqual(warnings, [{ line: 1, text: 'what is included here was not looked at' }])
    assert.equal(
      refusal(() => injectConfig(Buffer.from('x = 1\nconfig_opts["dnf.conf"] = """\nb=c\n"""'), 'mock', MAP)),
      'line 3: expected a section header such as [epel] above it, found "b=c"',
    )
  })

  test('are left alone where a program makes the text', () => {
    for (const value of [
      '"""\n[a]\n""".format(x)',
      '"""\n[a]\n""" % x',
      'x + """\n[a]\n"""',
      '"""[a]\n""" + x',
      'open("x").read()',
      'b"""\n[a]\n"""',
      '("[a]", "b")',
    ]) {
      const text = `y = 1\nconfig_opts['yum.conf'] = ${value}\n`
      const { changed, warnings } = inject(text)
      assert.equal(changed, false)
      assert.deepEqual(warnings, [
        { line: 2, text: 'config_opts of yum.conf is more than a text here, and was left alone' },
      ])
    }
  })

  test('are left alone where they are given otherwise than by an assignment', () => {
    for (const statement of [
      `config_opts.update({'yum.conf': """\n[a]\n"""})`,
      `config_opts.update({u"yum.conf" # x\n : """\n[a]\n"""})`,
      `config_opts |= {'root': 'x', r'yum.conf': "[a]\\n"}`,
      `config_opts.setdefault('yum.conf', """\n[a]\n""")`,
    ]) {
      const { changed, warnings } = inject(`y = 1\n${statement}\n`)
      assert.equal(changed, false)
      assert.deepEqual(
        warnings,
        [{ line: 2, text: 'config_opts of yum.conf is more than a text here, and was left alone' }],
        statement,
      )
    }
    assert.deepEqual(inject("if 'yum.conf' in config_opts: x = config_opts['yum.conf']\n").warnings, [])
  })

  test('report by the lines of the file, each id once', () => {
    const { injected, unmatched, warnings } = inject(
      '#\nconfig_opts["yum.conf"] = """\n[a]\nskip_if_unavailable=1\n"""\n\nconfig_opts["dnf.conf"] = "[q]\\n[a]\\nbaseurl=c\\n"\n',
    )
    assert.deepEqual(injected, [{ id: 'a', url: 'http://m/a', line: 3 }])
    assert.deepEqual(unmatched, [{ id: 'q', line: 7 }])
    assert.deepEqual(warnings, [{ line: 4, text: '[a] vanishes silently when its mirror fails' }])
  })

  test('take other options as well', () => {
    assert.equal(
      inject('config_opts["yum.conf"] = "[q]\\nenabled=1\\n"', { onlyMirrored: true }).text,
      'config_opts["yum.conf"] = "[q]\\nenabled=0\\n"',
    )
  })
})

function around(inner: string): string {
  return `config_opts['dnf.conf'] = """\n${inner}"""\n`
}

function frame(inner: string): string {
  return around(
    `[main]\nuser_agent={{ user_agent }}\n\n{%- macro keys() -%}\nfile:///a\n{%- for v in [1, 2]\n%} file:///{{ v }}\n{%- endfor %}\n{%- endmacro %}\n` +
      `{# [a]\nmirrorlist=x #}\n{% set y %}\nz\n{% endset %}\n{{ more() }}\n\n{% if mirrored %}\n[a]\n${inner}gpgkey=file:///{{ key }}\n  {{ keys() }}\n{% endif %}\n`,
  )
}

describe('templates', () => {
  test('keep their statements, comments and expressions', () => {
    const { text, warnings } = inject(frame('metalink=https://up/{{ a }}?b={{ c }}\n'), { proxy: 'keep' })
    // Appended behind the section's last key, and within the condition.
    assert.equal(text, frame('').replace('{{ keys() }}\n', '{{ keys() }}\nbaseurl=http://m/a\n'))
    assert.deepEqual(warnings, [])
  })

  test('set right behind the header what conditions would else decide', () => {
    assert.equal(
      inject(
        around(
          '{% if x %}\n[a]\nname = b\n{% if y %}\nmetalink = c\n{% else %}\nbaseurl = d\n  e\n{% endif %}\nproxy = f\n{% endif %}\n',
        ),
      ).text,
      around(
        '{% if x %}\n[a]\nbaseurl = http://m/a\nproxy = None\nname = b\n{% if y %}\n{% else %}\n{% endif %}\n{% endif %}\n',
      ),
    )
  })

  test('are warned about where a condition shares a line with what was injected', () => {
    const text = around('[a]\n{% if x %}metalink=b{% endif %}\nname=c\n')
    assert.deepEqual(inject(text).warnings, [
      { line: 3, text: "a template's line that may set what was injected into [a] was left" },
    ])
  })

  test('are refused where a condition shares a line with a header', () => {
    for (const line of ['{% if x %}[b]{% endif %}', '  {# c #}[b]'])
      assert.match(
        refusal(() => injectConfig(Buffer.from(around(`[a]\n${line}\nbaseurl=c\n`)), 'mock', MAP)),
        /^line 3: expected key=value/,
      )
  })
})

describe('hostile mock configurations', () => {
  test('are refused for texts that do not end', () => {
    const bad: [string, RegExp][] = [
      ['x = 1\nconfig_opts["yum.conf"] = """\n[a]\n', /^line 2: expected a text that ends, found "\\"\\"\\"/],
      ['x = 1\n\ny = "a\n', /^line 3: expected a text that ends/],
      ["config_opts['yum.conf'] = '[a]\n'", /^line 1: expected a text that ends/],
    ]
    for (const [text, message] of bad)
      assert.match(
        refusal(() => injectConfig(Buffer.from(text), 'mock', MAP)),
        message,
      )
  })

  test('are refused where a raw text cannot hold a URL', () => {
    const map = mapOf({ a: "http://m/'" })
    const raw = Buffer.from("config_opts['yum.conf'] = r'''\n[a]\n'''")
    assert.match(
      refusal(() => injectConfig(raw, 'mock', map)),
      /^line 3: expected a literal that can hold what is injected/,
    )
    const plain = Buffer.from("config_opts['yum.conf'] = '''\n[a]\n'''")
    assert.match(
      injectConfig(plain, 'mock', map, { proxy: 'keep' }).bytes.toString(),
      /baseurl=http:\/\/m\/\\'\n/,
    )
  })

  const texts: [string, string][] = [
    ['quotes', '"" '.repeat(300_000)],
    ['backslashes', `config_opts['yum.conf'] = "${'\\\\'.repeat(300_000)}"`],
    ['continued lines', `config_opts['yum.conf'] = ${'\\\n'.repeat(300_000)}`],
    ['parts', `config_opts['yum.conf'] = ("[a]\\n" ${'"b=c\\n"\n'.repeat(90_000)})`],
    ['statements', `config_opts['yum.conf'] = """\n[a]\n${'{% x %}\n'.repeat(80_000)}b=c\n"""`],
    ['statements in a line', `config_opts['yum.conf'] = """\n[a]\n${'{% x %}'.repeat(9_000)}b=c\n"""`],
    ['openings', `config_opts['yum.conf'] = """\n[a]\n${'{%{{{#'.repeat(90)}\n"""`],
    ['macros', `config_opts['yum.conf'] = """\n[a]\n${'{% macro %}\n'.repeat(50_000)}"""`],
    ['prefixes', 'r'.repeat(900_000)],
    ['assignments', "config_opts['yum.conf'] = ".repeat(30_000)],
    ['names', "'yum.conf',".repeat(30_000)],
    ['names before comments', `'yum.conf'${'#'.repeat(300_000)}\n`.repeat(3)],
    ['appended texts', 'config_opts["yum.conf"] += "[a]\\n"\n'.repeat(9_000)],
  ]
  for (const [title, text] of texts)
    test(`take bounded time for ${title}`, () => {
      const start = performance.now()
      try {
        injectConfig(Buffer.from(text), 'mock', MAP)
      } catch (error) {
        assert.match(String(error), /^PinyonError: line \d+: expected/)
      }
      assert.ok(performance.now() - start < 20_000)
    })
})

test('Python reads from 500 literals what we read, and what we write', needs('python3'), async () => {
  const part = fc.constantFrom(
    '[a]',
    '\\n',
    '\\n',
    'b=c',
    '\\\\',
    "\\'",
    '\\"',
    '\\x41',
    '\\u00e4',
    '\\101',
    '\\q',
    '\\t',
    'ä',
    '"',
    "'",
    '\\\n',
    '=',
    ' ',
    '{',
    '}',
  )
  const literals = fc
    .record({
      prefix: fc.constantFrom('', 'u', 'r', 'R'),
      quotes: fc.constantFrom('"""', "'''", '"', "'"),
      parts: fc.array(part, { maxLength: 12 }),
    })
    .map(({ prefix, quotes, parts }) => {
      const body = parts.filter(
        (part) => !part.includes(quotes[0] ?? '') && (quotes.length === 3 || !part.includes('\n')),
      )
      return `${prefix}${quotes}[a]\\n${body.join('')}\\n[q]\\n${quotes}`
    })
  const sources = fc
    .sample(literals, { seed: 61, numRuns: 500 })
    .map((literal) => `config_opts['yum.conf'] = ${literal}\n`)
  const map = mapOf({}, { q: [['new', 'http://m/new']] })
  const results = sources.flatMap((source) => {
    try {
      return [[source, injectConfig(Buffer.from(source), 'mock', map, { proxy: 'keep' }).bytes.toString()]]
    } catch (error) {
      assert.match(String(error), /expected/)
      return []
    }
  })
  assert.ok(results.length > 150, String(results.length))
  const script = `
import json, sys, warnings
warnings.simplefilter('ignore')
def run(source):
    config_opts = {}
    exec(source, {'config_opts': config_opts})
    return config_opts['yum.conf']
print(json.dumps([[run(source) for source in pair] for pair in json.load(sys.stdin)]))
`
  const { code, stdout, stderr } = await runCommand(SYSTEM_PYTHON, ['-c', script], {
    input: JSON.stringify(results),
  })
  assert.equal(code, 0, stderr)
  for (const [index, [before = '', after = '']] of (JSON.parse(stdout) as string[][]).entries()) {
    const at = before.lastIndexOf('[q]')
    // Raw texts of one line have no line breaks, and so no sections.
    const expected = before.endsWith('\n[q]\n')
      ? `${before.slice(0, at)}[new]\nbaseurl=http://m/new\n\n${before.slice(at)}`
      : before
    assert.equal(after, expected, results[index]?.join('\n'))
  }
})
