// The file that Kubernetes shows after the end (lastState.terminated.message): one sentence, there before the kill.
import type { ReadText } from '../core/cgroup.ts'
import type { Host } from '../host/host.ts'

/** Where the kubelet mounts it unless terminationMessagePath says otherwise. */
const KUBERNETES_PATH = '/dev/termination-log'

/** 12 KiB are shared by the containers of a pod. */
const MOST_BYTES = 1024

export interface LastWords {
  /** Writes the sentence in the place of the one before. False: there is no such file, or somebody else's words are in it. */
  readonly write: (sentence: string) => boolean
  /** Empties the file where it holds our words. */
  readonly clear: () => void
}

/**
 * The termination log that the setting names: auto or a path. The file is never created; what another program wrote is
 * left alone. Throws what the kernel says (EACCES, EROFS, …).
 */
export function openLastWords(
  setting: string,
  { files, readText, pid }: { readonly files: Host['files']; readonly readText: ReadText; readonly pid: number },
): LastWords {
  const { openSync, writeSync, closeSync, ftruncateSync } = files
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = (require('node:fs') as typeof import('node:fs')).constants
  const path = setting === 'auto' ? KUBERNETES_PATH : setting
  // Before it is needed: near the limit nothing is allocated.
  const buffer = Buffer.alloc(MOST_BYTES)
  let ours = ''
  // The watchdog's words are this process's too.
  const isOurs = (there: string): boolean =>
    there === ours || (there.startsWith('heapguard, ') && there.includes(`, pid ${pid} (`))

  const replace = (text: string): void => {
    const fd = openSync(path, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    try {
      const length = buffer.write(text)
      if (length > 0) writeSync(fd, buffer, 0, length, 0)
      ftruncateSync(fd, length)
      ours = buffer.toString('utf8', 0, length)
    } finally {
      closeSync(fd)
    }
  }

  return {
    write: sentence => {
      const there = readText(path)
      if (there === undefined || (there !== '' && !isOurs(there))) return false
      replace(sentence)
      return true
    },
    clear: () => {
      const there = readText(path)
      if (there !== undefined && there !== '' && isOurs(there)) replace('')
    },
  }
}
