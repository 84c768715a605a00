import { httpGet, type HttpReply } from '../../support/http-get.ts'

/** What clients see of an answer: not when it was made, nor over which connection. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  /** Latin-1, so that no byte is lost. */
  readonly body: string
}

const OF_THE_MOMENT = ['date', 'connection', 'keep-alive', 'x-request-id']
/** What follows from the body. */
const OF_THE_BODY = ['content-length', 'etag']
/** Why a snapshot is kept follows from its use, of which nothing is left. */
const USE = /"kept_because":\[[^\]]*\],/g

interface GenerationsBody {
  readonly generations: readonly { readonly generation: number; readonly created_at: string }[]
}

interface MirrorsBody {
  readonly mirrors: readonly { readonly name: string }[]
}

interface SnapshotsBody {
  readonly snapshots: readonly { readonly name: string }[]
}

/**
 * Everything that a server has to say to clients, by its path: indexes of now, of every generation and moment, of views; every listing and
 * every file of every snapshot; rolling views; differences; what the API tells of snapshots and generations; and what is gone.
 */
export async function recordAnswers(
  url: string,
  { views, gone }: { readonly views: readonly string[]; readonly gone: readonly string[] },
): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>()
  const get = async (path: string) => {
    const reply = await httpGet(`${url}${path}`)
    answers.set(path, toAnswer(reply))
    return reply.body.toString('latin1')
  }
  const json = async <T>(path: string) => JSON.parse(await get(path)) as T
  for (const format of ['json', 'yaml', 'py', 'html']) {
    await get(`/repos/yum/all_latest.${format}`)
    for (const view of views) await get(`/repos/views/${view}/all_latest.${format}`)
  }
  const { generations } = await json<GenerationsBody>('/api/v1/generations?limit=1000')
  for (const { generation: number, created_at: at } of generations) {
    await get(`/repos/generations/${number}/all_latest.json`)
    await get(`/api/v1/generations/${number}`)
    await get(`/repos/at/${at}/all_latest.json`)
    await get(`/repos/at/${new Date(Date.parse(at) - 1).toISOString()}/all_latest.json`)
  }
  await get(`/repos/generations/${generations.length + 1}/all_latest.json`)
  await get('/repos/yum/')
  const { mirrors } = (await (await fetch(`${url}/api/v1/mirrors`)).json()) as MirrorsBody
  for (const { name: mirror } of mirrors) await recordMirror(mirror, generations, { get, json })
  for (const path of gone) await get(path)
  return answers
}

interface Asking {
  readonly get: (path: string) => Promise<string>
  readonly json: <T>(path: string) => Promise<T>
}

async function recordMirror(
  mirror: string,
  generations: GenerationsBody['generations'],
  { get, json }: Asking,
): Promise<void> {
  await get(`/repos/yum/${mirror}/latest.txt`)
  await get(`/repos/yum/${mirror}/`)
  for (const { created_at: at } of generations) await get(`/repos/yum/${mirror}/at/${at}/repodata/repomd.xml`)
  const { snapshots } = await json<SnapshotsBody>(`/api/v1/mirrors/${mirror}/snapshots`)
  const names = snapshots.map(({ name }) => name)
  const files = new Set<string>()
  for (const [at, name] of names.entries()) {
    await get(`/api/v1/mirrors/${mirror}/snapshots/${name}`)
    for (const file of await walk(`/repos/yum/${mirror}/${name}/`, get)) files.add(file)
    for (const other of names.slice(at + 1))
      await get(`/api/v1/mirrors/${mirror}/diff?from=${other}&to=${name}`)
  }
  // Files of all snapshots, also in those that do not list them.
  for (const file of files)
    for (const base of [...names, 'latest', 'base']) await get(`/repos/yum/${mirror}/${base}/${file}`)
}

/** Every file below a listing, relative to it. */
async function walk(top: string, get: (path: string) => Promise<string>): Promise<string[]> {
  const files: string[] = []
  const waiting = ['']
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    const page = await get(`${top}${directory}`)
    for (const [, href = ''] of page.matchAll(/<a href="\.\/([^"]+)"/g)) {
      const path = `${directory}${href}`
      if (path.endsWith('/')) waiting.push(path)
      else files.push(path)
    }
  }
  return files
}

function toAnswer({ status, headers, body }: HttpReply): Answer {
  const text = body.toString('latin1')
  const untold = text.includes('"kept_because"') ? [...OF_THE_MOMENT, ...OF_THE_BODY] : OF_THE_MOMENT
  const told = Object.entries(headers).filter(([name]) => !untold.includes(name))
  return { status, headers: Object.fromEntries(told), body: text.replace(USE, '') }
}
