import { describeProblems, mirror, type ProblemCase } from './problem-cases.ts'

const POLICY = 'on_demand, warm or immediate'
const FALLBACK = 'an http, https or file URL'
const FIELDS = '{href} {filename} {name} {initial} {epoch} {version} {release} {arch} {algorithm} {digest}'

const CASES: readonly ProblemCase[] = [
  ['policy: lazy', mirror('policy: lazy'), `4: mirrors.m.policy: found "lazy", expected ${POLICY}`],
  ['policy: at the top', 'policy: [warm]\n', `1: policy: found a list, expected ${POLICY}`],
  [
    'warm_window: none',
    mirror('warm_window: 0'),
    `4: mirrors.m.warm_window: found 0, expected a duration from 1s to 366d, such as 14d`,
  ],
  [
    'prefetch: two mistakes and a slip',
    'prefetch: { parallel: 0, throttle: 5, thottle: 1 }\n',
    '1: prefetch.parallel: found 0, expected a whole number from 1 to 64',
    '1: prefetch.throttle: found 5, expected bytes a second such as 20MiB, at least 64KiB, or 0 for no bound',
    '1: prefetch.thottle: found an unknown key, expected one of parallel, throttle; did you mean throttle?',
  ],
  [
    'fallback: an unknown field',
    mirror('fallback: http://v/{nevra}.rpm'),
    `4: mirrors.m.fallback: found "http://v/{nevra}.rpm", expected ${FALLBACK} with fields of ${FIELDS}, not {nevra}`,
  ],
  [
    'fallback: a field that chooses the host',
    mirror("fallback: ['http://{name}.example.org/x']"),
    `4: mirrors.m.fallback[0]: found "http://{name}.example.org/x", expected ${FALLBACK} with its fields after the host`,
  ],
  [
    'fallback: a brace that is not closed',
    mirror("fallback: 'http://v/{name'"),
    `4: mirrors.m.fallback: found "http://v/{name", expected ${FALLBACK} with fields such as {name}`,
  ],
  [
    'fallback: a query, and a scheme that is not known',
    mirror("fallback: ['http://v/?h={digest}', 'ftp://v/{href}']"),
    `4: mirrors.m.fallback[0]: found "http://v/?h=***", expected ${FALLBACK} without query and fragment`,
    `4: mirrors.m.fallback[1]: found "ftp://v/{href}", expected ${FALLBACK}`,
  ],
]

describeProblems('each mistake in what is fetched ahead is reported with its line', CASES)
