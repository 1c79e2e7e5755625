import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * @typedef {(level: 'info' | 'error', event: string, fields?: object) => void} Log
 * @typedef {{ dir: string, maxBytes: number, maxEntries: number, log: Log }} Options
 */

const entryName = /^[0-9a-f]{64}$/
const temporaryName = /^[0-9a-f]{64}\.[0-9a-f]{12}\.tmp$/
const abandonedAfterMs = 60_000

/** A key as a file name. Keys come from URLs: hashed, they can neither leave the folder nor be too long for it. */
export const hashKey = (/** @type {string} */ key) => createHash('sha256').update(key).digest('hex')

/**
 * Opens the folder, makes it if it is missing, and takes up what an earlier run left there. A cache is a convenience:
 * where the folder cannot be used, one line says why and the cache that is returned holds nothing. Never throws.
 * @param {Options} options
 */
export async function openCache(options) {
  const cache = new DiskCache(options)
  await cache.open()
  return cache
}

/** Files in one folder, bounded in bytes and in number; the one that was not used for the longest time goes first. */
class DiskCache {
  #options
  #state = /** @type {'on' | 'off'} */ ('off')
  /** Bytes by hash, least recently used first: a Map keeps the order of insertion. @type {Map<string, number>} */
  #entries = new Map()
  #bytes = 0
  #hits = 0
  #misses = 0
  #writeFailing = false

  /** @param {Options} options */
  constructor(options) {
    this.#options = options
  }

  async open() {
    const { dir, log } = this.#options
    try {
      await makeFolder(path.resolve(dir))
      const probe = this.#temporaryFile(hashKey('probe'))
      await writeFile(probe, '') // access(2) says yes to root on a read-only mount; only writing tells
      await rm(probe)
      await this.#takeUp(dir)
      this.#state = 'on'
    } catch (error) {
      log('error', 'cache-off', { msg: `CACHE_DIR cannot be used, going on without a cache: ${messageOf(error)}`, dir })
    }
  }

  get stats() {
    const { maxBytes, maxEntries } = this.#options
    const counts = { entries: this.#entries.size, bytes: this.#bytes, hits: this.#hits, misses: this.#misses }
    return { state: this.#state, ...counts, maxEntries, maxBytes }
  }

  /**
   * @param {string} key
   * @returns {Promise<Buffer | undefined>} undefined: not there, or not any more
   */
  async get(key) {
    const hash = hashKey(key)
    const size = this.#entries.get(hash)
    if (size === undefined) return this.#miss()
    this.#forget(hash)
    this.#remember(hash, size)
    try {
      const value = await readFile(this.#file(hash))
      this.#hits++
      const now = new Date()
      utimes(this.#file(hash), now, now).catch(() => {}) // only the order after the next start depends on it
      return value
    } catch {
      // Somebody emptied the folder. What is gone is a miss like any other.
      this.#forget(hash)
      return this.#miss()
    }
  }

  /**
   * Keeps a value, and makes room for it first. A value that could never fit is not kept. Never throws: a full disk
   * is said once, until writing works again.
   * @param {string} key
   * @param {Buffer} value
   */
  async set(key, value) {
    if (this.#state === 'off' || value.length > this.#options.maxBytes) return
    const hash = hashKey(key)
    const temporary = this.#temporaryFile(hash)
    try {
      // The place is taken before the first await, so that values stored at the same time cannot exceed the bounds.
      this.#forget(hash)
      this.#remember(hash, value.length)
      await this.#evict()
      // Renaming is atomic: a process that is killed here leaves no half of a picture under the final name.
      await writeFile(temporary, value)
      await rename(temporary, this.#file(hash))
      this.#writeFailing = false
      // Evicted while it was being written: nobody else would ever delete it.
      if (!this.#entries.has(hash)) await rm(this.#file(hash), { force: true })
    } catch (error) {
      this.#forget(hash)
      await rm(temporary, { force: true }).catch(() => {}) // the next start removes it
      if (!this.#writeFailing) this.#options.log('error', 'cache-write-failed', { msg: messageOf(error) })
      this.#writeFailing = true
    }
  }

  /** @param {string} dir */
  async #takeUp(dir) {
    const found = []
    for (const name of await readdir(dir)) {
      const file = path.join(dir, name)
      if (!entryName.test(name) && !temporaryName.test(name)) continue // not ours
      const info = await stat(file).catch(() => undefined)
      if (!info?.isFile()) continue
      if (entryName.test(name)) found.push({ name, size: info.size, usedMs: info.mtimeMs })
      // A young one may belong to another process that shares the folder.
      else if (Date.now() - info.mtimeMs > abandonedAfterMs) await rm(file, { force: true })
    }
    for (const { name, size } of found.sort((a, b) => a.usedMs - b.usedMs)) this.#remember(name, size)
    await this.#evict() // the bounds may be tighter than they were
  }

  async #evict() {
    const { maxBytes, maxEntries } = this.#options
    const evicted = []
    for (const hash of this.#entries.keys()) {
      if (this.#bytes <= maxBytes && this.#entries.size <= maxEntries) break
      this.#forget(hash)
      evicted.push(rm(this.#file(hash), { force: true }))
    }
    await Promise.all(evicted)
  }

  #miss() {
    this.#misses++
    return undefined
  }

  /** @param {string} hash @param {number} size */
  #remember(hash, size) {
    this.#entries.set(hash, size)
    this.#bytes += size
  }

  /** @param {string} hash */
  #forget(hash) {
    this.#bytes -= this.#entries.get(hash) ?? 0
    this.#entries.delete(hash)
  }

  /** @param {string} hash */
  #file(hash) {
    return path.join(this.#options.dir, hash)
  }

  /** @param {string} hash */
  #temporaryFile(hash) {
    return path.join(this.#options.dir, `${hash}.${randomBytes(6).toString('hex')}.tmp`)
  }
}

/**
 * Makes a folder and those above it. Not by mkdir's `recursive`: that never returns where a parent exists and still
 * answers ENOENT, as /proc does.
 * @param {string} dir an absolute path
 * @returns {Promise<void>}
 */
async function makeFolder(dir) {
  try {
    await mkdir(dir)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return // if it is a file, writing into it will say so
    if (code !== 'ENOENT') throw error
    await makeFolder(path.dirname(dir))
    await mkdir(dir)
  }
}

const messageOf = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error))
