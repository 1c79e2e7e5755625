// One sample, one pulse, one line: what each takes and allocates, beside process.memoryUsage() in the same run. Bundled by
// suites/micro.mjs from the guard's own modules, run with --expose-gc and a young generation that holds a whole measurement.
import { budgetOf } from '../preload/core/budget.ts'
import { readContainerLimit } from '../preload/core/cgroup.ts'
import { memoryLine } from '../preload/core/report-watch.ts'
import { readSettings } from '../preload/core/settings.ts'
import { realHost } from '../preload/host/host.ts'
import { openLog } from '../preload/host/log.ts'
import { openSampler } from '../preload/host/sampler.ts'
import { openLookout } from '../preload/lookout.ts'

const ROUNDS = 40
const CALLS = 250

const host = realHost()
const { settings } = readSettings(name => (name === 'HEAPGUARD_LOG_FILE' ? '/dev/null' : undefined))
const log = openLog(host, settings)
const kernelLimit = readContainerLimit(host.readText)
const budget = budgetOf({
  heapLimitBytes: host.heapLimit(),
  oldSpaceLimit: { kind: 'none' },
  kernelLimit,
  operatorMB: 8192,
  nodeSeesBytes: undefined,
})
const sampler = openSampler(host, () => {})
const { group } = kernelLimit
const parts = { host, settings, forWatch: undefined, budget, log, liveWorkers: () => [], folder: '' }
const lookout = openLookout(parts)
const sample = sampler.whole(group)

const subjects: Record<string, () => unknown> = {
  'process.memoryUsage()': () => process.memoryUsage(),
  'one glance': () => sampler.glance(group),
  'one sample, whole': () => sampler.whole(group),
  'one pulse': () => lookout.look(0 as never, false),
  'one line to /dev/null': () => log.say(memoryLine(sample, budget, 0)),
}

const gc = (globalThis as { gc?: () => void }).gc
const figures: Record<string, { us: number[]; bytes: number[] }> = {}
for (const name of Object.keys(subjects)) figures[name] = { us: [], bytes: [] }
// In turn, each round all of them; the first rounds are for the compiler.
for (let round = -10; round < ROUNDS; round++)
  for (const [name, call] of Object.entries(subjects)) {
    gc?.()
    const before = process.memoryUsage().heapUsed
    const began = process.hrtime.bigint()
    for (let i = 0; i < CALLS; i++) call()
    const us = Number(process.hrtime.bigint() - began) / 1e3 / CALLS
    const bytes = (process.memoryUsage().heapUsed - before) / CALLS
    if (round < 0) continue
    figures[name]?.us.push(us)
    figures[name]?.bytes.push(bytes)
  }
console.log(JSON.stringify({ hasGroup: group !== undefined, figures }))
process.exit()
