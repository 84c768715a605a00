/** Publishes one blob, or keeps it when it is there, for a trace of its system calls: `node publishing-child.ts DATA_DIR`. */
import { DiskBlobStore } from '../../src/cache/disk-blob-store.ts'
import { createLayout } from '../../src/cache/layout.ts'
import { digestOf } from '../../src/model/digest.ts'

const layout = createLayout(process.argv[2] ?? '')
const store = await DiskBlobStore.open(layout, { processId: '0123456789abcdef', isAlive: () => true })
const digest = digestOf('content')
if ((await store.keep(digest)) === undefined) {
  const writer = await store.create({ digest })
  await writer.write(Buffer.from('content'))
  await writer.publish()
  await writer.close()
}
