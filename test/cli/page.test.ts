// The page in a real browser: it draws, it asks for nothing, and its policy holds.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import t, { type Test } from 'tap'
import { emptyFolder } from '../preload/node.ts'
import { runCli } from './heapguard.ts'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const skip = executablePath === undefined ? 'no chromium here' : false

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const EVIL = '</script><script>document.title = 1</script><img src=//x onerror="document.title = 1">'
const startMs = Date.UTC(2026, 10, 23, 19, 14)
const line = (at: number, event: string, keys: object) =>
  `${JSON.stringify({ time: new Date(startMs + at * 1000).toISOString(), level: 'info', name: 'heapguard', event, pid: 1, msg: `${event}.`, ...keys })}\n`

const memory = (at: number) =>
  line(at, 'memory', {
    rssMB: 60 + at,
    heapUsedMB: at,
    heapCeilingMB: 140,
    containerWorkingSetMB: 30 + at,
    containerMemoryMB: 256,
    uptimeS: at,
  })
const log = [
  line(0, 'heap-validated', { verdict: 'fits', nodeVersion: EVIL, msg: EVIL }),
  ...Array.from({ length: 100 }, (_, at) => memory(at + 1)),
  line(101, 'pressure', {
    level: 'warn',
    resource: 'heap',
    rung: 'warn',
    cause: 'heap',
    msg: EVIL,
    suspects: [{ site: EVIL, MB: 3 }],
  }),
]

let browser: Browser | undefined
t.before(async () => {
  if (executablePath !== undefined) browser = await chromium.launch({ executablePath, args: ARGS })
})
t.teardown(() => browser?.close())

async function open(t: Test, colorScheme: 'light' | 'dark', lines: readonly string[] = log) {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'app.log'), lines.join(''))
  const path = join(folder, 'report.html')
  t.match(await runCli(['report', join(folder, 'app.log'), '--html', path]), { code: 0 })
  const context = await browser?.newContext({ colorScheme, viewport: { width: 1200, height: 900 } })
  const page = await context?.newPage()
  if (page === undefined) throw new Error('no browser')
  const heard: string[] = []
  page.on('console', message => heard.push(message.text()))
  page.on('pageerror', error => heard.push(error.message))
  const asked: string[] = []
  page.on('request', request => asked.push(request.url()))
  await page.goto(`file://${path}`)
  await page.locator('.chart canvas').first().waitFor()
  return { page, heard, asked, path }
}
for (const theme of ['light', 'dark'] as const)
  t.test(`${theme}: drawn, with nothing asked for, refused or wrong`, { skip }, async t => {
    const { page, heard, asked, path } = await open(t, theme)
    t.strictSame(asked, [`file://${path}`])
    t.strictSame(heard, [])
    t.equal(await page.title(), 'heapguard report: app.log')
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    t.equal(background, theme === 'dark' ? 'rgb(18, 22, 28)' : 'rgb(246, 247, 249)')
    const colors = await page.evaluate(
      `(() => { const c = document.querySelector('canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; const s = new Set(); for (let i = 0; i < d.length; i += 4) s.add([d[i], d[i + 1], d[i + 2], d[i + 3]].join()); return s.size })()`,
    )
    t.ok(Number(colors) > 10, `${colors} colours on the canvas`)
    t.equal(await page.locator('img').count(), 0)
    t.match(await page.locator('.boot').first().textContent(), '</script><script>')
  })

t.test('hover tells the values and the event; a drag zooms, a double click undoes it', { skip }, async t => {
  const { page, heard } = await open(t, 'light')
  const over = page.locator('.u-over')
  const box = await over.boundingBox()
  if (box === null) throw new Error('no chart')
  const at = (share: number) => [box.x + box.width * share, box.y + 80] as const
  await page.mouse.move(...at(0.5))
  t.match(await page.locator('.u-legend').textContent(), /RSS1[01]\d(\.\d)? MB/)
  t.equal(await page.locator('.told').isVisible(), false)
  await page.mouse.move(...at(0.9999))
  t.match(await page.locator('.told').textContent(), /^pressure <\/script>/)
  const firstTime = async () => {
    await page.mouse.move(...at(0.001))
    return await page.locator('.u-legend .u-value').first().textContent()
  }
  const before = await firstTime()
  await page.mouse.move(...at(0.4))
  await page.mouse.down()
  await page.mouse.move(...at(0.6), { steps: 4 })
  await page.mouse.up()
  t.not(await firstTime(), before)
  await page.mouse.dblclick(...at(0.5))
  t.equal(await firstTime(), before)
  await page.locator('tr[data-at]').first().click()
  t.match(await page.locator('.u-legend').textContent(), /19:15:41/)
  t.strictSame(heard, [])
})

t.test('another theme while it is open is another drawing', { skip }, async t => {
  const { page, heard } = await open(t, 'light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.locator('.chart canvas').waitFor()
  t.equal(await page.locator('.chart canvas').count(), 1)
  t.strictSame(heard, [])
})

for (const width of [420, 1200])
  t.test(`${width} pixels wide: nothing stands out, and several processes have a table`, { skip }, async t => {
    const { page, heard } = await open(t, 'dark', [...log, ...log.map(text => text.replaceAll('"pid":1', '"pid":20'))])
    await page.setViewportSize({ width, height: 800 })
    t.equal(await page.locator('nav tbody tr').count(), 2)
    t.match(await page.locator('nav tbody').textContent(), /pid 20/)
    const wide = Number(await page.evaluate('document.documentElement.scrollWidth'))
    t.ok(wide <= width, `${wide} pixels`)
    t.strictSame(heard, [])
  })

t.test(
  'a thousand events: the cursor tells three of those beneath it, and how many more there are',
  { skip },
  async t => {
    const events = Array.from({ length: 1000 }, (_, at) =>
      line(at / 10, 'pressure', { level: 'warn', msg: `the ${at}th` }),
    )
    const { page, heard } = await open(t, 'light', [...log, ...events])
    const box = await page.locator('.u-over').boundingBox()
    if (box === null) throw new Error('no chart')
    await page.mouse.move(box.x + box.width / 2, box.y + 80)
    t.equal(await page.locator('.told b').count(), 3)
    t.match(await page.locator('.told').textContent(), /and \d+ more$/)
    t.strictSame(heard, [])
  },
)
