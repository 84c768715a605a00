/** How wide pictures are. */
export const WIDTH = 960

/** A part of a picture, at the origin. */
export interface Part {
  readonly svg: string
  readonly height: number
}

/** Where a value lies between two others, on a logarithmic axis. */
export interface LogAxis {
  readonly low: number
  readonly high: number
  at(value: number): number
  /** Powers of ten, and their doubles and halves where there is room, between both ends. */
  readonly ticks: readonly number[]
}

/** Colours tell servers apart on light and dark pages; so do the shapes of their marks. */
export const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 18px; font-weight: 600 }
.head { font-weight: 600 }
.small { font-size: 11px; fill: #57606a }
.page { fill: #ffffff }
.grid { stroke: #d0d7de; stroke-width: 1 }
.even { stroke: #57606a; stroke-width: 1.5 }
.line { fill: none; stroke-width: 2 }
.s0 { fill: #0969da; stroke: #0969da }
.s1 { fill: #bc4c00; stroke: #bc4c00 }
.s2 { fill: #1a7f37; stroke: #1a7f37 }
.s3 { fill: #8250df; stroke: #8250df }
.s4 { fill: #bf3989; stroke: #bf3989 }
.s5 { fill: #57606a; stroke: #57606a }
.s6 { fill: #9a6700; stroke: #9a6700 }
.s7 { fill: #1b7c83; stroke: #1b7c83 }
.line { fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.small { fill: #9198a1 }
.page { fill: #0d1117 }
.grid { stroke: #30363d }
.even { stroke: #9198a1 }
.s0 { fill: #58a6ff; stroke: #58a6ff }
.s1 { fill: #f0883e; stroke: #f0883e }
.s2 { fill: #3fb950; stroke: #3fb950 }
.s3 { fill: #a371f7; stroke: #a371f7 }
.s4 { fill: #f778ba; stroke: #f778ba }
.s5 { fill: #9198a1; stroke: #9198a1 }
.s6 { fill: #d29922; stroke: #d29922 }
.s7 { fill: #39c5cf; stroke: #39c5cf }
.line { fill: none }
}`

/** How many servers have a colour and a shape of their own; further ones share them. */
export const SERIES = 8

/** An element, with its text escaped. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content?: string,
): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? round(value) : escapeXml(value)}"`)
    .join('')
  return content === undefined ? `<${name}${written}/>` : `<${name}${written}>${escapeXml(content)}</${name}>`
}

/** Text for an element or an attribute. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`)
}

/** The mark of a series, at a point: a disc, a square, a diamond, a triangle, a cross, a ring, a frame, a triangle on its head. */
export function seriesMark(series: number, x: number, y: number): string {
  const kind = series % SERIES
  const style = `s${kind}`
  const size = 4.5
  const points = (...pairs: readonly (readonly [number, number])[]) =>
    pairs.map(([dx, dy]) => `${round(x + dx * size)},${round(y + dy * size)}`).join(' ')
  switch (kind) {
    case 0:
      return element('circle', { class: style, cx: x, cy: y, r: size })
    case 1:
      return element('rect', { class: style, x: x - size, y: y - size, width: 2 * size, height: 2 * size })
    case 2:
      return element('polygon', { class: style, points: points([0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]) })
    case 3:
      return element('polygon', { class: style, points: points([0, -1.2], [1.2, 1], [-1.2, 1]) })
    case 5:
      return element('circle', { class: `${style} line`, cx: x, cy: y, r: size })
    case 6:
      return element('rect', {
        class: `${style} line`,
        x: x - size,
        y: y - size,
        width: 2 * size,
        height: 2 * size,
      })
    case 7:
      return element('polygon', { class: style, points: points([0, 1.2], [1.2, -1], [-1.2, -1]) })
    default:
      return element('path', {
        class: `${style} line`,
        d: `M${round(x - size)} ${round(y - size)}l${2 * size} ${2 * size}m0 ${-2 * size}l${-2 * size} ${2 * size}`,
      })
  }
}

/** An axis that holds all of these values, with a little room, from one pixel to another. */
export function logAxis(values: readonly number[], fromPx: number, toPx: number): LogAxis {
  const usable = values.filter((value) => Number.isFinite(value) && value > 0)
  const low = Math.min(...usable, Number.POSITIVE_INFINITY) / 1.15
  const high = Math.max(...usable, 0) * 1.15
  if (!(high > low)) return logAxis([1], fromPx, toPx)
  const span = Math.log(high / low)
  const at = (value: number) =>
    fromPx + (Math.log(Math.min(high, Math.max(low, value)) / low) / span) * (toPx - fromPx)
  const steps = Math.log10(high / low) > 2.5 ? [1] : [1, 2, 5]
  const exponents = Array.from({ length: 40 }, (_, index) => index - 15)
  const ticks = exponents.flatMap((exponent) => steps.map((step) => step * 10 ** exponent))
  return { low, high, at, ticks: ticks.filter((tick) => tick >= low && tick <= high) }
}

/** Pixels need no more digits. */
function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}
