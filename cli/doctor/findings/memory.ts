// What makes the numbers say less than they seem to: flags and limits that are not seen, or not alone.
import { heapSumOf } from '../../../preload/core/heap-sum.ts'
import { heapSumExceeds } from '../../../preload/core/report-sum.ts'
import { kernelLimitIsLower } from '../../../preload/core/report-watch.ts'
import { bytes, mbToBytes, millis } from '../../../preload/core/units.ts'
import { isHeapFlag } from '../options.ts'
import { listed, type Row } from './row.ts'

export const MEMORY_ROWS: readonly Row[] = [
  {
    name: 'heap-flag-on-command-line',
    level: 'warn',
    look: ({ subject }) => {
      const flags = subject.commandLine.options.filter(isHeapFlag).map(({ words }) => words.join(' '))
      return flags.length === 0
        ? undefined
        : {
            msg: `${listed(flags)} on the command line wins over NODE_OPTIONS.`,
            remedy: 'Take it off the command line, so that the number is set in one place.',
          }
    },
  },
  {
    name: 'title-hides-flags',
    level: 'warn',
    look: ({ subject: { kind, commandLine } }) =>
      kind === 'process' && commandLine.node === undefined && commandLine.launcher === undefined
        ? {
            msg: 'The process has set its own title, which covers its command line: flags that stand there are not seen here.',
            remedy: 'Judge the command in its place: heapguard doctor -- node server.js.',
          }
        : undefined,
  },
  {
    name: 'no-limit-in-pod',
    level: 'warn',
    look: ({ inKubernetes, kernelLimit }) =>
      inKubernetes && kernelLimit.kind !== 'limited'
        ? {
            msg: `This is a Kubernetes pod, but no memory limit holds (${kernelLimit.reason}): a request is no limit, and the node's memory is what runs out.`,
            remedy: 'Set resources.limits.memory of this container, the same as its request.',
          }
        : undefined,
  },
  {
    name: 'kernel-limit-is-lower',
    level: 'warn',
    look: ({ settings: { containerMemoryMB }, kernelLimit }) =>
      containerMemoryMB !== undefined &&
      kernelLimit.kind === 'limited' &&
      kernelLimit.limitBytes < mbToBytes(containerMemoryMB)
        ? {
            msg: kernelLimitIsLower(containerMemoryMB, kernelLimit.limitBytes, kernelLimit.path).msg,
            remedy: "Unset CONTAINER_MEMORY_MB: the kernel's own number is found.",
          }
        : undefined,
  },
  {
    name: 'heap-sum',
    level: 'warn',
    look: ({ subject, answer, neighbours, kernelLimit }) => {
      // A command would come on top of what runs, and what runs may be what it is to replace.
      if (subject.kind === 'command' || answer.kind !== 'told' || kernelLimit.kind !== 'limited') return undefined
      const { heapLimitBytes, nodeVersion } = answer
      const sum = heapSumOf({
        // None of them: what came by exec into the container, as the doctor did, is left out.
        ownPid: 0,
        ownUptimeMs: millis(0),
        ownHeapLimitBytes: heapLimitBytes,
        ownOldSpaceBytes: undefined,
        workerHeapLimits: [],
        neighbours,
        nodeVersion,
        memoryNodeSeesBytes: kernelLimit.limitBytes,
      })
      const others = {
        isolates: sum.isolates - 1,
        processes: sum.processes - 1,
        sumBytes: bytes(sum.sumBytes - heapLimitBytes),
      }
      return others.processes < 2 || others.sumBytes <= kernelLimit.limitBytes
        ? undefined
        : {
            msg: heapSumExceeds(others, kernelLimit.limitBytes).msg,
            remedy: 'Judge each by --pid, and divide the container among them.',
          }
    },
  },
  {
    name: 'limit-not-certain',
    level: 'warn',
    look: ({ kernelLimit }) =>
      kernelLimit.kind === 'limited' && kernelLimit.confidence === 'low' && kernelLimit.reason !== undefined
        ? {
            msg: `A tighter limit may hold than the one that could be read: ${kernelLimit.reason}.`,
            remedy: 'Set CONTAINER_MEMORY_MB to what the container has.',
          }
        : undefined,
  },
]
