// V8's limit under real limits: what the boot line says, worked out or read, is what V8 says in that very process.
import t from 'tap'
import { recordsIn } from '../preload/node.ts'
import { baseImage, output, root, whyNoDocker } from './docker.ts'

const { HEAPGUARD_TEST_FULL } = process.env
const majors = ['20', '22', '24', '26']
/** A page to either side of each step of V8's rule, and sizes between. */
const SIZES_BYTES = (
  HEAPGUARD_TEST_FULL ? [200, 256, 400, 512, 777, 1024, 1500, 2048, 3000, 4096, 6000] : [256, 512, 777, 1024, 2048]
)
  .map(mb => mb * 1_048_576)
  .flatMap(size => (size % 268_435_456 === 0 ? [size, size + 4096] : [size]))

/** Without a flag, with one that fits, and with one that is of the size of the container. */
const SCRIPT = `
  for flag in '' --max-old-space-size=100 --max-old-space-size=150 --max-old-space-size=$1; do
    NODE_OPTIONS="$flag --require /opt/heapguard/preload.js" node -e \
      "require('fs').writeSync(2, 'V8 ' + require('v8').getHeapStatistics().heap_size_limit / 1048576 + '\\n')"
  done 2>&1`

const missing = await whyNoDocker(majors)
if (missing) t.pass("V8's limit in containers", { skip: missing })
else
  for (const major of majors)
    t.test(`Node ${major}`, async t => {
      let workedOut = 0
      for (const sizeBytes of SIZES_BYTES) {
        const oldSpaceMB = Math.floor((sizeBytes / 1_048_576) * 0.6)
        const volume = `${root}dist:/opt/heapguard:ro`
        const args = ['--network=none', '-m', `${sizeBytes}b`, '--volume', volume]
        const text = await output(baseImage(major), ['sh', '-c', SCRIPT, 'sh', String(oldSpaceMB)], args)
        const lines = text.split('\n')
        const boots = recordsIn(text).filter(({ event }) => event === 'heap-validated')
        const real = lines
          .filter(line => line.startsWith('V8 '))
          .map(line => Math.round(Number(line.slice(3)) * 10) / 10)
        const said = boots.map(({ heapLimitMB }) => heapLimitMB)
        t.equal(real.length, 4)
        t.strictSame(said, real, `${sizeBytes} bytes: ${real.join(', ')} MB`)
        workedOut += boots.filter(({ heapLimitSource }) => heapLimitSource === 'worked-out').length
      }
      t.ok(workedOut >= SIZES_BYTES.length, `${workedOut} of ${SIZES_BYTES.length * 4} were worked out`)
    })
