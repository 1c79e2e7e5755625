import { fileURLToPath } from 'node:url'

/** @typedef {ReturnType<typeof readConfig>} Config */

const wholeNumber = /^\d+$/

/**
 * The service's settings. An empty variable counts as one that is not set.
 * Throws one Error that names every bad value, so that a deployment is put right in one go.
 * @param {NodeJS.ProcessEnv} env
 */
export function readConfig(env) {
  /** @type {string[]} */
  const problems = []

  /** @type {(name: string, fallback: number, least: number, most: number) => number} */
  const integer = (name, fallback, least, most) => {
    const text = env[name]?.trim()
    if (!text) return fallback
    const value = Number(text)
    if (wholeNumber.test(text) && value >= least && value <= most) return value
    problems.push(`${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text.slice(0, 40))}`)
    return fallback
  }

  const config = {
    port: integer('PORT', 3000, 0, 65535),
    cacheDir: env.CACHE_DIR || fileURLToPath(new URL('.cache/', import.meta.url)),
    // Small on purpose: a read-only container mounts CACHE_DIR as a tmpfs, and a tmpfs is the container's memory.
    cacheMaxBytes: integer('CACHE_MAX_MB', 16, 1, 65536) * 1024 * 1024,
    cacheMaxEntries: integer('CACHE_MAX_ENTRIES', 1000, 1, 1_000_000),
    // Below the ten seconds that docker stop waits before it kills.
    shutdownMs: integer('SHUTDOWN_MS', 8000, 1, 600_000),
    demoMemory: env.DEMO_MEMORY === '1',
  }
  if (problems.length > 0) throw new Error(problems.join('; '))
  return config
}
