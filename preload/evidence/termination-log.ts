// The file that Kubernetes shows after the end (lastState.terminated.message): one sentence, there before the kill.
import { constants } from 'node:fs'
import type { ReadText } from '../core/cgroup.ts'
import { KUBERNETES_TERMINATION_LOG } from '../core/watch-settings.ts'
import { startIn } from '../core/whereabouts.ts'
import type { Host } from '../host/host.ts'

/** 12 KiB are shared by the containers of a pod. */
const MOST_BYTES = 1024

/** How a guard's words begin (lastWordsOf), and whose they are. */
const WORDS = /^heapguard, \S+, pid (\d+) \(/

const RULE = 'only a regular file can hold last words'

/** Both throw what the kernel says (EROFS, ENOSPC, …). */
export interface LastWords {
  /** Writes the sentence in the place of the one before. Where somebody else's words are in the file, nothing. */
  readonly write: (sentence: string) => void
  /** Empties the file where it holds our words, or those of a guard that is gone. */
  readonly clear: () => void
}

/**
 * The termination log that the setting names: auto or a path. The file is never created; what another program wrote is
 * left alone, and what the guard of another process wrote for as long as that lives. Throws what the kernel says (ENOENT,
 * EACCES, …), and where it is no regular file: reading a FIFO or a terminal would stop the app, and take what others read.
 */
export function openLastWords(
  setting: string,
  { files, readText, pid }: { readonly files: Host['files']; readonly readText: ReadText; readonly pid: number },
): LastWords {
  const { openSync, readSync, writeSync, closeSync, ftruncateSync, fstatSync } = files
  const path = setting === 'auto' ? KUBERNETES_TERMINATION_LOG : setting
  // Before it is needed: near the limit nothing is allocated.
  const buffer = Buffer.alloc(MOST_BYTES)

  /** Waits for nobody: neither for the other end of a FIFO nor for a serial line. */
  const open = (): number => {
    try {
      return openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch (error) {
      // ENXIO: a socket; EISDIR: a folder.
      throw /^(ENXIO|EISDIR)$/.test(String((error as NodeJS.ErrnoException).code)) ? new Error(RULE) : error
    }
  }
  /** One descriptor for all that is done at a time: the path may become another file in between. */
  const inFile = (act: (fd: number) => void): void => {
    const fd = open()
    try {
      // As bigints: see descriptors.ts.
      if (!fstatSync(fd, { bigint: true }).isFile()) throw new Error(RULE)
      act(fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Where nobody can say (no /proc, processes of others are hidden, a permission model) it is not. */
  const isGone = (writer: string): boolean => {
    try {
      return readText('/proc/1/stat') !== undefined && startIn(readText(`/proc/${writer}/stat`)) === 'none'
    } catch {
      return false
    }
  }
  const mayReplace = (fd: number): boolean => {
    const length = readSync(fd, buffer, 0, MOST_BYTES, 0)
    const [, writer] = WORDS.exec(buffer.toString('utf8', 0, length)) ?? []
    // The watchdog's words are this process's too.
    return length === 0 || (writer !== undefined && (writer === String(pid) || isGone(writer)))
  }

  inFile(() => {})
  return {
    write: sentence =>
      inFile(fd => {
        if (!mayReplace(fd)) return
        const length = buffer.write(sentence)
        writeSync(fd, buffer, 0, length, 0)
        ftruncateSync(fd, length)
      }),
    clear: () => {
      try {
        inFile(fd => {
          if (mayReplace(fd)) ftruncateSync(fd, 0)
        })
      } catch (error) {
        // ENOENT: taken away, and the words with it.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    },
  }
}
